# SPDX-License-Identifier: EUPL-1.2
"""Verifies the log as an outsider would, with only the covenant's public keys."""
