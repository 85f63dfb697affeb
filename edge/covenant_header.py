# SPDX-License-Identifier: EUPL-1.2
"""By which covenant a service acts, said with every answer of it; nobody believes it, but who differs is warned.

Apart from both sides, so that a client does not load what a server needs.
"""

import re
from collections.abc import Mapping
from typing import Final

COVENANT_HEADER: Final = "Sluis-Covenant"
"""Holds the SHA-256 of the packed covenant, in hexadecimal."""
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


def said_covenant(headers: Mapping[str, str]) -> str | None:
    """Return which covenant an answer names; ``None`` when it names none in the agreed form."""
    found = headers.get(COVENANT_HEADER.lower(), headers.get(COVENANT_HEADER, ""))
    return found if _SHA256.match(found) else None
