# SPDX-License-Identifier: EUPL-1.2
"""A broker that lies in one chosen way; everything else about it is honest, signatures and proofs included.

It holds the log's own key, and its witnesses cosign what it shows them, so each lie is the best that it could tell.
Each class says which code a client must answer with.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from broker.facts import Recorded
from broker.recording import Recorder
from protocol.errors import Code
from protocol.events import Event
from protocol.ids import PartyId, PurposeId
from protocol.messages import PushAnswer, SealedPart, parse
from protocol.notices import HitNotice, Notice, NoticePage
from tests.fakes.small_world import AgencyDoor, MemoryBroker, MemoryLog


class SwapsEnvelope(AgencyDoor):
    """Gives another sealed contact than the counterpart signed."""

    CODE = Code.ENVELOPE_INVALID

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Swap the part, and its digest with it."""
        return _bend(await super().notices(after, limit, wait), self._swap)

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        other = notice.counterpart
        assert other is not None
        parts = tuple(SealedPart(name=part.name, ciphertext=part.ciphertext[::-1]) for part in other.parts)
        return notice.model_copy(update={"counterpart": other.model_copy(update={"parts": parts})})


class SwapsSigned(SwapsEnvelope):
    """Gives another sealed contact together with the digest that fits it, so that only the signature tells."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        from protocol.envelope import part_digest

        swapped = SwapsEnvelope._swap(notice)
        other = swapped.counterpart
        assert other is not None
        digests = {part.name: part_digest(part) for part in other.parts}
        return swapped.model_copy(update={"counterpart": other.model_copy(update={"part_digests": digests})})


class SwapsWrap(SwapsEnvelope):
    """Gives wraps that do not open the part."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        other = notice.counterpart
        assert other is not None
        wraps = tuple(wrap.model_copy(update={"wrap": wrap.wrap[::-1]}) for wrap in other.wraps)
        return notice.model_copy(update={"counterpart": other.model_copy(update={"wraps": wraps})})


class NamesAnother(SwapsEnvelope):
    """Says that another agency is the counterpart."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        other = notice.counterpart
        assert other is not None
        false = other.model_copy(update={"agency": PartyId("municipality-dalen")})
        return notice.model_copy(update={"counterpart": false})


class RelabelsRoles(SwapsEnvelope):
    """Turns the subject of the counterpart's signal into somebody around theirs."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        agreed = tuple(one.model_copy(update={"their_role": "associate"}) for one in notice.agreed)
        return notice.model_copy(update={"agreed": agreed})


class RelabelsWraps(SwapsEnvelope):
    """Turns the subject into an associate in the wraps as well."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        other = notice.counterpart
        assert other is not None
        wraps = tuple(wrap.model_copy(update={"role": "associate"}) for wrap in other.wraps)
        false = other.model_copy(update={"wraps": wraps})
        return RelabelsRoles._swap(notice).model_copy(update={"counterpart": false})


class AddsAgreement(SwapsEnvelope):
    """Says that a kind agrees in two ways, one of which nothing opens."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        more = notice.agreed[0].model_copy(update={"their_role": "associate"})
        return notice.model_copy(update={"agreed": (*notice.agreed, more)})


class WrapsUnderFactor(SwapsEnvelope):
    """Gives a wrap out under an address, which agrees but must open nothing."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        other = notice.counterpart
        assert other is not None
        wraps = (*other.wraps, other.wraps[0].model_copy(update={"kind": "address"}))
        return notice.model_copy(update={"counterpart": other.model_copy(update={"wraps": wraps})})


class KeepsPartsOnly(SwapsEnvelope):
    """Leaves the parts out and gives the wraps, as no withdrawal does."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        other = notice.counterpart
        assert other is not None
        return notice.model_copy(update={"counterpart": other.model_copy(update={"parts": ()})})


class Withholds(SwapsEnvelope):
    """Leaves parts and wraps out, as if the counterpart had withdrawn, which it has not."""

    CODE = Code.NOTICE_MISSING

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        other = notice.counterpart
        assert other is not None
        return notice.model_copy(update={"counterpart": other.model_copy(update={"parts": (), "wraps": ()})})


class WithholdsWraps(Withholds):
    """Gives the parts, and nothing that opens them."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        other = notice.counterpart
        assert other is not None
        return notice.model_copy(update={"counterpart": other.model_copy(update={"wraps": ()})})


class NamesNobody(SwapsEnvelope):
    """Leaves the counterpart out altogether, at a level that names it."""

    CODE = Code.RECEIPT_INVALID

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        return notice.model_copy(update={"counterpart": None})


class Misdates(NamesNobody):
    """Says that a hit was told an hour later than the log has it."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        return notice.model_copy(update={"at": notice.at + timedelta(hours=1)})


class NamesAnotherRule(NamesNobody):
    """Says that another rule allowed the telling than the log has."""

    @staticmethod
    def _swap(notice: HitNotice) -> HitNotice:
        return notice.model_copy(update={"rule": "another.rule"})


class Exaggerates(AgencyDoor):
    """Calls a hit more certain than what was logged."""

    CODE = Code.RECEIPT_INVALID

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Say ``hit`` to everything."""
        page = await super().notices(after, limit, wait)
        return _bend(page, lambda notice: notice.model_copy(update={"quality": "hit"}))


class Replays(AgencyDoor):
    """Gives an old notice again under a new number."""

    CODE = Code.RECEIPT_INVALID

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Renumber the first notice when there is no new one."""
        page = await super().notices(after, limit, wait)
        if page.notices or after == 0:
            return page
        old = await super().notices(0, 1, wait)
        return _with(old, [old.notices[0].model_copy(update={"seq": after + 1})])


class RepeatsDifferently(AgencyDoor):
    """Gives a number again, with another content."""

    CODE = Code.NOTICE_REPLAYED

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Give the first notice again, as another rule's."""
        page = await super().notices(after, limit, wait)
        if page.notices or after == 0:
            return page
        old = await super().notices(0, 1, wait)
        return _with(old, [old.notices[0].model_copy(update={"rule": "another.rule"})])


class TellsTwice(MemoryBroker):
    """Logs a second notice of the same hit, properly numbered and proven."""

    CODE = Code.NOTICE_REPLAYED

    def tell_again(self, agency: PartyId) -> None:
        """Tell the first hit again."""
        first = self.told[agency][0].notice
        assert isinstance(first, HitNotice)
        one, other = self.hits.pop(first.hit_id)
        mine, theirs = (one, other) if self.signals[one].agency == agency else (other, one)
        self._match(self.signals[mine])
        assert theirs


class HidesNotice(AgencyDoor):
    """Leaves one notice out."""

    CODE = Code.NOTICE_MISSING

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Leave out number 1."""
        page = await super().notices(after, limit, wait)
        return _with(page, [notice for notice in page.notices if notice.seq != 1])


class WithoutQuorum(AgencyDoor):
    """Gives notices under a checkpoint that only one witness cosigned."""

    CODE = Code.QUORUM_MISSING

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Drop a cosignature."""
        page = await super().notices(after, limit, wait)
        return page.model_copy(update={"checkpoint": self.broker.log.checkpoint(witnesses=1)})


class WithoutCheckpoint(AgencyDoor):
    """Gives notices under no checkpoint at all."""

    CODE = Code.QUORUM_MISSING

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Drop the checkpoint."""
        return (await super().notices(after, limit, wait)).model_copy(update={"checkpoint": None})


class Forks(AgencyDoor):
    """Shows, from a moment on, another log with other entries; its witnesses collude."""

    CODE = Code.LOG_FORKED
    other: MemoryLog | None = None

    def fork(self) -> None:
        """Begin the other log: as long as the true one and one entry more, but for its first entry."""
        self.other = MemoryLog(self.broker.kit)
        for leaf in [b"\x01" + bytes(64), *self.broker.log.leaves[1:], b"\x01" + bytes(64)]:
            self.other.add_leaf(leaf)

    async def checkpoint(self) -> str:
        """Return the other log's head."""
        return self.other.checkpoint() if self.other else await super().checkpoint()

    async def log_file(self, path: str) -> bytes:
        """Return the other log's tiles."""
        return self.other.file(path) if self.other else await super().log_file(path)


class RollsBack(AgencyDoor):
    """Shows, from a moment on, an older head of the log."""

    CODE = Code.LOG_ROLLED_BACK
    old: str | None = None

    async def checkpoint(self) -> str:
        """Return the old head."""
        return self.old or await super().checkpoint()


class HidesEvent(AgencyDoor):
    """Serves the log's entries with one left out and another in its place."""

    CODE = Code.LOG_ALTERED

    async def log_file(self, path: str) -> bytes:
        """Zero the last entry of every bundle."""
        found = await super().log_file(path)
        return found[:-64] + bytes(64) if "entries" in path else found


class DropsSignal(AgencyDoor):
    """Says that a signal stands, with the proof of another one's event."""

    CODE = Code.RECEIPT_INVALID

    async def post(
        self, path: str, body: bytes, *, idempotency_key: str, purpose: PurposeId | None, person: str | None
    ) -> bytes:
        """Give the first signal's evidence for all."""
        raw = await super().post(path, body, idempotency_key=idempotency_key, purpose=purpose, person=person)
        answer = parse(PushAnswer, raw)
        first = answer.results[0].evidence
        results = tuple(result.model_copy(update={"evidence": first}) for result in answer.results)
        return answer.model_copy(update={"results": results}).to_json()


class LiesAboutAct(AgencyDoor):
    """Answers an opening or withdrawal with the proof of another event."""

    CODE = Code.RECEIPT_INVALID

    async def post(
        self, path: str, body: bytes, *, idempotency_key: str, purpose: PurposeId | None, person: str | None
    ) -> bytes:
        """Give the evidence of a registered signal, and log nothing."""
        from protocol.messages import ActAnswer

        if path == "/v1/signals":
            return await super().post(path, body, idempotency_key=idempotency_key, purpose=purpose, person=person)
        stored = next(iter(self.broker.signals.values()))
        evidence = self.broker.log.evidence(stored.place, stored.made)
        return ActAnswer(evidence=evidence, checkpoint=self.broker.log.checkpoint()).to_json()


class HidesTile(AgencyDoor):
    """Cuts every hash tile of the log short, so that nothing can be proven from it."""

    CODE = Code.LOG_INCOMPLETE

    async def log_file(self, path: str) -> bytes:
        """Give the first half."""
        found = await super().log_file(path)
        return found if "entries" in path else found[: len(found) // 64 * 32]


class LogsOtherwise:
    """A recorder that writes one kind of act down otherwise than it was asked, and all others as they are."""

    def __init__(self, true: Recorder, act: str, bend: Callable[[Any], Event]) -> None:
        self._true = true
        self._act = act
        self._bend = bend

    def __getattr__(self, name: str) -> Any:
        """Return a method of the true recorder, bent when it is the one."""
        made = getattr(self._true, name)
        if name != self._act:
            return made

        def bent(*arguments: Any) -> Recorded:
            recorded = made(*arguments)
            return replace(recorded, event=self._bend(recorded.event))

        return bent


class ReusesEvidence(AgencyDoor):
    """Answers a second opening with the proof of the first, and logs nothing."""

    CODE = Code.RECEIPT_INVALID
    first: bytes | None = None

    async def post(
        self, path: str, body: bytes, *, idempotency_key: str, purpose: PurposeId | None, person: str | None
    ) -> bytes:
        """Give the first opening's answer again."""
        if path.endswith("/opening") and self.first is not None:
            return self.first
        raw = await super().post(path, body, idempotency_key=idempotency_key, purpose=purpose, person=person)
        if path.endswith("/opening"):
            self.first = raw
        return raw


def _bend(page: NoticePage, bend: Any) -> NoticePage:
    return _with(page, [bend(one) if isinstance(one, HitNotice) else one for one in page.notices])


def _with(page: NoticePage, notices: Sequence[Notice]) -> NoticePage:
    return page.model_copy(update={"notices": tuple(notices)})
