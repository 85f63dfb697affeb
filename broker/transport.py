# SPDX-License-Identifier: EUPL-1.2
"""What the broker asks of key-holders over HTTP: their key statements, and cosignatures on the log's checkpoints.

Not here: what an answer means (``sequencer.py``, ``timers.py``).
"""

from dataclasses import dataclass
from typing import Final

import httpx

from edge.problems import error_from_problem
from edge.tracing import outgoing
from protocol.covenant import Covenant
from protocol.errors import Code, InputError, UnavailableError, VerificationError
from protocol.ids import Epoch, HolderIndex, PurposeId
from protocol.messages import KeyStatements, parse
from protocol.note import WitnessKey, decode_note
from protocol.trace import TRACEPARENT
from protocol.witness_rules import LAST_CHECKPOINT

WITNESS_SECONDS: Final = 3.0
"""A witness answers in milliseconds; one that needs longer must not hold the others."""
MAX_ANSWER: Final = 1024 * 1024
"""Bytes: 1,000 key statements; a cosignature is 200."""


@dataclass(frozen=True, slots=True)
class KeyHolderDoor:
    """One key-holder, at its address in the covenant."""

    url: str
    witness: WitnessKey
    http: httpx.AsyncClient

    async def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        """Send a checkpoint to the witness; return status and body. Raises ``UnavailableError``."""
        return await self._send("POST", "/add-checkpoint", body, {})

    async def last_checkpoint(self) -> str:
        """Ask for the note that the witness cosigned last; nothing of it is verified.

        Raises ``UnavailableError``, or ``VerificationError`` when there is none.
        """
        status, body = await self._send("GET", LAST_CHECKPOINT, b"", {})
        if status != 200:
            raise VerificationError(Code.CHECKPOINT_INVALID, "The witness shows no checkpoint.")
        return decode_note(body)

    async def statements(self, purpose: PurposeId, epoch: Epoch) -> KeyStatements:
        """Ask for key statements. Raises what the answer stands for, or ``VerificationError`` for a malformed one."""
        status, body = await self._send("GET", "/v1/keys", b"", {"purpose": purpose, "epoch": str(epoch)})
        if status != 200:
            raise error_from_problem(body, status)
        try:
            return parse(KeyStatements, body)
        except InputError as error:
            raise VerificationError(
                Code.KEY_STATEMENT_INVALID, "The key-holder's answer does not have the agreed form."
            ) from error

    async def _send(self, method: str, path: str, body: bytes, params: dict[str, str]) -> tuple[int, bytes]:
        try:
            async with self.http.stream(
                method,
                self.url.rstrip("/") + path,
                content=body or None,
                params=params,
                headers={TRACEPARENT: outgoing().header},
                timeout=WITNESS_SECONDS,
            ) as response:
                content = bytearray()
                async for chunk in response.aiter_raw():
                    content += chunk
                    if len(content) > MAX_ANSWER:
                        raise VerificationError(Code.TOO_LARGE, "The key-holder's answer is too large.")
                return response.status_code, bytes(content)
        except (httpx.TransportError, httpx.InvalidURL):
            raise UnavailableError(Code.UNAVAILABLE, "A key-holder cannot be reached.") from None


def key_holder_doors(covenant: Covenant, http: httpx.AsyncClient) -> dict[HolderIndex, KeyHolderDoor]:
    """Return a door to every key-holder of a covenant."""
    return {
        holder.index: KeyHolderDoor(holder.url, WitnessKey.parse(holder.witness), http)
        for holder in covenant.key_holders
    }
