# SPDX-License-Identifier: EUPL-1.2
"""The broker over HTTP, one file a resource. Thin: read, ask the service, write.

Not here: what is done (``broker/service.py``) and the house conventions (``edge/api.py``).
"""
