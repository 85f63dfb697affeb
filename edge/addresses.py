# SPDX-License-Identifier: EUPL-1.2
"""A service's address in the one form that is signed and checked. Spec: ``protocol/spec/signing.md``.

Apart from both the sending and the reading side, so that a client does not load what a server needs.
"""

from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def origin(url: str) -> str:
    """Return scheme, host and port in the form that clients sign: lower case, no default port, then any path prefix."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
