# SPDX-License-Identifier: EUPL-1.2
"""The acts of a person: take a signal back, and read what a hit released.

Both are written into the outbox first, and done only when the log proves them. Not here: the sending (``post.py``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agency_client.draft import part_fields
from agency_client.inbox import Reader
from agency_client.post import Post, Tally
from agency_client.states import SignalState
from agency_client.vault import Vault
from agency_client.vault.hits import HitState, KeptHit
from agency_client.vault.outbox import NewPosting, PostingKind, new_key, withdrawal
from agency_client.vault.signals import Kept
from protocol.errors import Code, ConflictError, NotFoundError, RefusedError
from protocol.ids import DisclosureId, HitId
from protocol.messages import Justification, OpeningRequest, PartName


@dataclass(frozen=True, slots=True)
class Opened:
    """What a person may now read: the log proves that it was asked for, by whom and why."""

    hit: KeptHit
    parts: Mapping[PartName, Mapping[str, str]] = field(repr=False)


class Acts:
    """Does what a person asks, in the order: written, sent, proven, done."""

    def __init__(self, vault: Vault, post: Post, reader: Reader, clock: Callable[[], datetime]) -> None:
        self._vault = vault
        self._post = post
        self._reader = reader
        self._clock = clock

    def find_signal(self, text: str) -> Kept:
        """Return the signal that a user means: a record's newest, or one by its id. Raises ``NotFoundError``."""
        found = self._vault.signals.find(text)
        if not found:
            raise NotFoundError(
                Code.NOT_FOUND, "No signal has this reference or id.", hint="See `sluis agency signals`."
            )
        return found[0]

    async def withdraw(self, signal: Kept, reason: str, person: str) -> None:
        """Take a signal back; one that never left is simply forgotten, one that is back already stays so."""
        if signal.state is SignalState.REFUSED:
            raise ConflictError(Code.CONFLICT, "The broker refused this signal; there is nothing to withdraw.")
        if self._vault.pending.withdraw_unsent(signal.id):
            return
        if signal.state is not SignalState.ACCEPTED:
            raise ConflictError(
                Code.CONFLICT, "This signal is on its way.", hint="Run `sluis agency send`, then withdraw it."
            )
        posting = withdrawal(signal.id, reason, person)
        await self._post.send(self._vault.outbox.put(posting, self._clock()), Tally())

    def find_hit(self, text: str) -> HitId:
        """Return the hit whose id starts with what the user typed. Raises ``NotFoundError``, ``ConflictError``."""
        found = self._vault.hits.starting_with(text)
        if not found:
            raise NotFoundError(Code.NOT_FOUND, "There is no such hit.", hint="`sluis agency inbox` lists them.")
        if len(found) > 1:
            raise ConflictError(Code.CONFLICT, "Several hits begin like this.", hint="Type more of the hit's number.")
        return found[0]

    def find_request(self, text: str) -> DisclosureId:
        """Return the request for more whose id starts with what the user typed. Raises as ``find_hit``."""
        found = self._vault.disclosures.starting_with(text)
        if not found:
            raise NotFoundError(Code.NOT_FOUND, "There is no such request.", hint="`sluis agency requests` lists them.")
        if len(found) > 1:
            raise ConflictError(Code.CONFLICT, "Several requests begin like this.", hint="Type more of its number.")
        return found[0]

    async def open(self, hit: HitId, why: Justification, person: str) -> Opened:
        """Have the opening logged, and only then return what the hit released.

        Raises ``RefusedError`` when the counterpart withdrew: what it released is gone here too; or did not come yet.
        """
        kept = self._require_live(hit)
        posting = NewPosting(
            PostingKind.OPENING,
            f"/v1/hits/{hit}/opening",
            new_key(),
            OpeningRequest(justification=why).to_json(),
            kept.notice.purpose,
            person,
            str(hit),
        )
        await self._post.send(self._vault.outbox.put(posting, self._clock()), Tally())
        kept = self._require_live(hit)
        notice, counterpart = kept.notice, kept.notice.counterpart
        if counterpart is None:
            return Opened(kept, {})
        keys = self._vault.signals.envelope_keys(notice.my_signal)
        plain = self._reader.open_parts(notice, counterpart, keys)
        return Opened(kept, {name: part_fields(raw) for name, raw in plain.items()})

    def _require_live(self, hit: HitId) -> KeptHit:
        kept = self._vault.hits.get(hit)
        if kept.state is HitState.WITHDRAWN:
            raise RefusedError(Code.CONFLICT, "The other agency withdrew its signal; what it released is erased here.")
        if kept.state is HitState.RESTRICTED:
            raise RefusedError(
                Code.CONFLICT,
                "The other agency restricted its signal; what it released may not be shown now.",
                hint="You are told when it may be shown again.",
            )
        if kept.state is HitState.UNDELIVERED:
            raise RefusedError(
                Code.CONFLICT,
                "What this hit releases is not delivered yet.",
                hint="Run `sluis agency inbox` again: it comes, or you hear that the other agency withdrew.",
            )
        return kept
