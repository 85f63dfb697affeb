# SPDX-License-Identifier: EUPL-1.2
"""Tell a system of the agency's own that something waits, by a request that it can verify (RFC 9421).

The body says no more than an e-mail does; the receiver checks the signature with the agency's public key, which stands
in the covenant, and tells a repeat by the Idempotency-Key. Spec: ``protocol/spec/signing.md``. Not here: when.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from agency_client.telling_settings import Recipient
from agency_client.telling_words import Words
from edge.transport import SignedClient, make_http
from protocol.signing import Signer

SECONDS: Final = 15.0
"""A system that is told answers at once: it has nothing to do but to take note."""
MAX_ANSWER: Final = 65_536
"""Bytes; what it answers is not read."""


async def send_webhook(
    recipient: Recipient, words: Words, url: str, key: str, signer: Signer, clock: Callable[[], datetime]
) -> None:
    """Tell one system. Raises ``UnavailableError`` when it cannot be reached, and what its answer stands for."""
    parts = urlsplit(recipient.webhook or "")
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path or "/"
    body = json.dumps({"message": words.subject, "url": url}, ensure_ascii=False).encode()
    async with make_http(read_seconds=SECONDS) as http:
        client = SignedClient(base, signer, clock, http, max_answer=MAX_ANSWER, called="webhook")
        await client.request("POST", path, body=body, headers={"Idempotency-Key": key})
