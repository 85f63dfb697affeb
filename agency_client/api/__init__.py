# SPDX-License-Identifier: EUPL-1.2
"""The local REST API for the agency's own systems. Spec page: ``docs/guide-systems.md``."""
