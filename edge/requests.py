# SPDX-License-Identifier: EUPL-1.2
"""Read a signed request off the wire: headers first, then the body within its limit, then the nonce, in that order.

Not here: what the signature covers (``protocol/signing.py``), and where nonces are kept (each role's store).
Spec: ``protocol/spec/signing.md``.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

import fastapi

from edge.addresses import origin
from protocol.errors import Code, InputError, UnavailableError
from protocol.ids import PartyId
from protocol.signing import KeyDirectory, Request, Verified, verify_body, verify_head

READ_SECONDS: Final = 30.0
"""A body that takes longer holds our memory for somebody else's trouble: 16 MB at 5 Mbit/s."""


class NonceMemory(Protocol):
    """Remembers nonces; shared by all processes that accept the same requests, and kept over a restart."""

    async def remember(self, party: PartyId, nonce: str, expires: datetime) -> None:
        """Keep this nonce until ``expires``. Raises ``AuthenticationError`` (``signature_replayed``) if it is there."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request whose signature, body and freshness were checked."""

    verified: Verified
    body: bytes = field(repr=False)


async def read_signed(
    request: fastapi.Request,
    directory: KeyDirectory,
    *,
    now: datetime,
    public_url: str,
    nonces: NonceMemory,
    max_body: int,
) -> SignedRequest:
    """Return the request when a known party signed all of it, just now, for the first time.

    ``public_url`` is this service's address as the covenant gives it: senders sign the URL that they see, which behind
    a proxy is not what arrives here. Raises ``AuthenticationError``, ``InputError`` (``too_large``) and
    ``UnavailableError``.
    """
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
    head = verify_head(directory, Request(request.method, _target(public_url, request), headers), now=now)
    # Only now, so that nobody unknown can fill our memory.
    body = await _read(request, max_body)
    verified = verify_body(head, body)
    # Last: a nonce counts as used only when the whole request was its sender's.
    await nonces.remember(verified.party, verified.nonce, verified.expires)
    return SignedRequest(verified, body)


async def _read(request: fastapi.Request, max_body: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_body:
                    hint = "Send it in smaller pieces."
                    raise InputError(Code.TOO_LARGE, f"The body is larger than {max_body} bytes.", hint=hint)
                chunks.append(chunk)
    except TimeoutError:
        raise UnavailableError(Code.UNAVAILABLE, "The request's body did not arrive in time.") from None
    return b"".join(chunks)


def _target(public_url: str, request: fastapi.Request) -> str:
    """Return the URL as its sender saw it: our public address, and the path and query exactly as they arrived."""
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope.get("query_string", b"")
    target = origin(public_url) + path.decode("latin-1").partition("?")[0]
    return target + ("?" + query.decode("latin-1") if query else "")
