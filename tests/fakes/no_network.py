# SPDX-License-Identifier: EUPL-1.2
"""A way to run ``sluis`` in a process of its own where every use of a socket is an error."""

NO_NETWORK = """
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError("a socket: " + event)
sys.addaudithook(refuse)
import sluis
sluis.main()
"""
"""For ``python -c``, with the command's words behind it."""
