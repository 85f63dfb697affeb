# SPDX-License-Identifier: EUPL-1.2
"""The covenant board's desk: checks and shows the covenant. Talks to no server."""
