# SPDX-License-Identifier: EUPL-1.2
"""The acts of people on a signal that stands: take it back, restrict it or lift that, let it live on.

Each is written into the outbox first, and done when the log proves it; whoever was told of the signal hears of it and
carries it out. A correction is no act of its own: the corrected record is pushed again, and its new signal supersedes
the old one. Not here: the list of changes (``vault.changes``), carrying out others' changes (``reading.py``).
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from agency_client.acts import Acts
from agency_client.draft import Draft
from agency_client.post import Post, Tally
from agency_client.states import SignalState
from agency_client.vault import Vault
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from agency_client.vault.signals import Kept
from protocol.changes import Extension, Restriction, may_live_until
from protocol.covenant import Covenant
from protocol.encoding import parse_time
from protocol.errors import Code, ConflictError, RefusedError, SluisError
from protocol.ids import SignalId
from protocol.messages import Justification, Message, utc

STILL_NEEDED: Final = "still-needed"
"""The ground's code of an extension; its words say why."""
TOO_OFTEN: Final = "covenant.max-extensions"
KEPT_TOO_LONG: Final = "guard.kept-too-long"
_MARGIN: Final = timedelta(minutes=5)
"""The broker counts from when the request arrives, by its own clock."""


class Changing:
    """Changes signals as people ask; ``person`` is always the agency's own opaque reference."""

    def __init__(self, vault: Vault, post: Post, acts: Acts, covenant: Covenant, clock: Callable[[], datetime]) -> None:
        self._vault = vault
        self._post = post
        self._acts = acts
        self._covenant = covenant
        self._clock = clock

    async def withdraw(self, signal: SignalId, reason: str, person: str) -> None:
        """Take a signal back. Raises ``ConflictError`` for one that does not stand, ``UnavailableError`` when it waits
        in the outbox.
        """
        await self._acts.withdraw(self._vault.signals.get(signal), reason, person)

    async def restrict(self, signal: SignalId, on: bool, reason: str, person: str) -> None:
        """Restrict a signal, or lift that; ``reason`` is a code. Raises as ``withdraw``."""
        kept = self._standing(signal)
        if self._vault.changes.is_restricted(signal) == on:
            state = "is restricted already" if on else "is not restricted"
            raise ConflictError(Code.CONFLICT, f"This signal {state}.", hint="Nothing was changed.")
        await self._send(
            kept, PostingKind.RESTRICTION, "restriction", Restriction(restricted=on, reason=reason), person
        )

    async def extend(self, signal: SignalId, reason: str, person: str, until: datetime | None = None) -> None:
        """Let a signal live on, until then or as long as its purpose allows; ``reason`` is in words, and stands in the
        log's erasable part.

        Raises as ``withdraw``; ``RefusedError`` when it was extended too often or would live too long: nothing leaves.
        """
        kept, now = self._standing(signal), self._clock()
        purpose = self._covenant.purpose(kept.purpose)
        if self._vault.changes.extensions(signal) >= purpose.max_extensions:
            raise RefusedError(
                Code.POLICY_REFUSED,
                f"A signal can be extended at most {purpose.max_extensions} times under this purpose.",
                rule=TOO_OFTEN,
                hint="Nothing was sent. When it is still needed after its end, signal anew, for a new reason.",
            )
        end = utc(until or now + timedelta(days=purpose.retention_days) - _MARGIN)
        if not may_live_until(end, parse_time(kept.expires_at), purpose, now):
            raise RefusedError(
                Code.POLICY_REFUSED,
                f"A signal is extended to a later day, at most {purpose.retention_days} days from now.",
                rule=KEPT_TOO_LONG,
                hint="Nothing was sent.",
            )
        case = Draft.from_bytes(kept.draft).case_reference
        why = Justification(code=STILL_NEEDED, text=reason, case_reference=case)
        await self._send(kept, PostingKind.EXTENSION, "extension", Extension(expires_at=end, justification=why), person)

    async def answer(self) -> None:
        """Send what says that others' changes are carried out here; what cannot leave now waits in the outbox."""
        with suppress(SluisError):
            for number in self._vault.outbox.open_numbers(PostingKind.CHANGE_SEEN):
                await self._post.send(number, Tally())

    def _standing(self, signal: SignalId) -> Kept:
        kept = self._vault.signals.get(signal)
        over = parse_time(kept.expires_at) <= self._clock() or self._vault.hits.taken_back(signal)
        if kept.state is not SignalState.ACCEPTED or over:
            raise ConflictError(
                Code.CONFLICT, "This signal does not stand at the broker.", hint="Run `sluis agency send` first."
            )
        return kept

    async def _send(self, kept: Kept, kind: PostingKind, what: str, body: Message, person: str) -> None:
        path = f"/v1/signals/{kept.id}/{what}"
        posting = NewPosting(kind, path, new_key(), body.to_json(), kept.purpose, person, str(kept.id))
        await self._post.send(self._vault.outbox.put(posting, self._clock()), Tally())
