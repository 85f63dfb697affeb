# SPDX-License-Identifier: EUPL-1.2
"""How the agency's own systems bring records: by files, by a query, by HTTP. Spec page: ``docs/guide-systems.md``."""
