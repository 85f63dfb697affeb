# SPDX-License-Identifier: EUPL-1.2
"""The agency's own program: the only place where names exist."""
