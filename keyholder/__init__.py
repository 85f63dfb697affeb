# SPDX-License-Identifier: EUPL-1.2
"""Holds one share of the pseudonym keys. Sees blinded points; never names, tags or matches."""
