# SPDX-License-Identifier: EUPL-1.2
"""A nonce memory in a dictionary: a small real implementation of ``edge.requests.NonceMemory``."""

from datetime import datetime

from protocol.errors import AuthenticationError, Code
from protocol.ids import PartyId


class NonceDictionary:
    """Remembers for as long as it lives."""

    def __init__(self) -> None:
        self.seen: dict[tuple[PartyId, str], datetime] = {}

    async def remember(self, party: PartyId, nonce: str, expires: datetime) -> None:
        """Keep this nonce; refuse it the second time."""
        if (party, nonce) in self.seen:
            raise AuthenticationError(Code.SIGNATURE_REPLAYED, "This request was received before.")
        self.seen[party, nonce] = expires
