# SPDX-License-Identifier: EUPL-1.2
"""What all parties must agree on, byte for byte. No I/O, no clock."""
