# SPDX-License-Identifier: EUPL-1.2
"""Matches pseudonyms and tells agencies what policy allows. Sees tags and sealed envelopes; never names, never keys."""
