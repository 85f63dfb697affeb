# SPDX-License-Identifier: EUPL-1.2
"""Whom TLS connections of this process believe. Not here: opening any (``transport.py``, ``covenant_fetch.py``)."""

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """Return the authorities that httpx believes, and nothing of the environment.

    Made once a process: reading them takes 30 ms, and a command opens several pools.
    """
    return httpx.create_ssl_context(trust_env=False)
