# SPDX-License-Identifier: EUPL-1.2
"""The demonstration: every party as its own process on loopback, real data, and a search for leaks."""
