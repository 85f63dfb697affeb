# SPDX-License-Identifier: EUPL-1.2
"""A broker that lies in one chosen way about a question; its log and its witnesses go along with it.

Each class says which code a client must answer with.
"""

from uuid import UUID

from protocol.errors import Code
from protocol.ids import PartyId, PurposeId
from protocol.messages import QueryAnswer, QueryMatch, SealedPart, parse
from tests.fakes.small_world import AgencyDoor


class BendsAnswer(AgencyDoor):
    """Gives another answer than the honest one."""

    CODE = Code.RECEIPT_INVALID

    async def query(self, body: bytes, *, purpose: PurposeId, person: str) -> bytes:
        """Bend the honest answer."""
        raw = await super().query(body, purpose=purpose, person=person)
        return self.bend(parse(QueryAnswer, raw)).to_json()

    def bend(self, answer: QueryAnswer) -> QueryAnswer:
        """Return the bent answer."""
        matches = tuple(self.bend_match(match) for match in answer.matches)
        return answer.model_copy(update={"matches": matches})

    def bend_match(self, match: QueryMatch) -> QueryMatch:
        """Return a bent match."""
        return match


class InventsMatch(BendsAnswer):
    """Adds a case that nobody has."""

    def bend(self, answer: QueryAnswer) -> QueryAnswer:
        """Add one of which nothing can be checked, since nothing of it may be known."""
        bare = {"counterpart": None, "level": "existence", "rule": "offender-prevention.notify.existence"}
        return answer.model_copy(update={"matches": (*answer.matches, answer.matches[0].model_copy(update=bare))})


class RepeatsMatch(BendsAnswer):
    """Gives one case twice in place of two."""

    def bend(self, answer: QueryAnswer) -> QueryAnswer:
        """Put the first in the place of all."""
        return answer.model_copy(update={"matches": (answer.matches[0],) * len(answer.matches)})


class Withholds(BendsAnswer):
    """Leaves a case out that the log counts."""

    def bend(self, answer: QueryAnswer) -> QueryAnswer:
        """Leave out the last."""
        return answer.model_copy(update={"matches": answer.matches[:-1]})


class RaisesLevel(BendsAnswer):
    """Releases more than the covenant allows."""

    def bend_match(self, match: QueryMatch) -> QueryMatch:
        """Say ``content`` for whatever it is."""
        return match.model_copy(update={"level": "content"})


class LowersLevel(BendsAnswer):
    """Keeps back who it is, although the covenant lets it be known."""

    def bend_match(self, match: QueryMatch) -> QueryMatch:
        """Say that there is something, and no more."""
        rule = "offender-prevention.notify.existence"
        return match.model_copy(update={"level": "existence", "counterpart": None, "rule": rule})


class NamesAnotherRule(BendsAnswer):
    """Says that another rule allowed the telling than the covenant has."""

    def bend_match(self, match: QueryMatch) -> QueryMatch:
        """Name one of its own."""
        return match.model_copy(update={"rule": "another.rule"})


class Exaggerates(BendsAnswer):
    """Adds a kind that was not asked."""

    def bend_match(self, match: QueryMatch) -> QueryMatch:
        """Say that an account agrees too."""
        return match.model_copy(update={"agreed": (*match.agreed, match.agreed[0].model_copy(update={"kind": "iban"}))})


class NamesAnotherAgency(BendsAnswer):
    """Says that another agency knows the person."""

    CODE = Code.ENVELOPE_INVALID

    def bend_match(self, match: QueryMatch) -> QueryMatch:
        """Put another name there."""
        assert match.counterpart is not None
        other = match.counterpart.model_copy(update={"agency": PartyId("municipality-dalen")})
        return match.model_copy(update={"counterpart": other})


class NamesAnotherSignal(NamesAnotherAgency):
    """Says that it is another signal than the one that was signed."""

    def bend_match(self, match: QueryMatch) -> QueryMatch:
        """Put another id there."""
        assert match.counterpart is not None
        another = UUID(int=match.counterpart.signal_id.int ^ 1)
        other = match.counterpart.model_copy(update={"signal_id": another})
        return match.model_copy(update={"counterpart": other})


class SwapsPart(NamesAnotherAgency):
    """Gives another contact than was sealed."""

    def bend_match(self, match: QueryMatch) -> QueryMatch:
        """Turn the bytes round."""
        assert match.counterpart is not None
        parts = tuple(SealedPart(name=one.name, ciphertext=one.ciphertext[::-1]) for one in match.counterpart.parts)
        return match.model_copy(update={"counterpart": match.counterpart.model_copy(update={"parts": parts})})


class KeepsParts(NamesAnotherAgency):
    """Leaves the contact out that the level releases."""

    def bend_match(self, match: QueryMatch) -> QueryMatch:
        """Leave parts and wraps out."""
        assert match.counterpart is not None
        other = match.counterpart.model_copy(update={"parts": (), "wraps": ()})
        return match.model_copy(update={"counterpart": other})


class WithoutEvidence(AgencyDoor):
    """Answers without any proof."""

    CODE = Code.RECEIPT_INVALID

    async def query(self, body: bytes, *, purpose: PurposeId, person: str) -> bytes:
        """Cut the proof off."""
        raw = await super().query(body, purpose=purpose, person=person)
        return parse(QueryAnswer, raw).model_copy(update={"evidence": None}).to_json()


class ProvesAnotherEvent(BendsAnswer):
    """Answers with the proof of a registered signal."""

    def bend(self, answer: QueryAnswer) -> QueryAnswer:
        """Give the first signal's evidence."""
        stored = next(iter(self.broker.signals.values()))
        return answer.model_copy(update={"evidence": self.broker.log.evidence(stored.place, stored.made)})


class WithoutQuorum(BendsAnswer):
    """Proves it under a checkpoint that only one witness cosigned."""

    CODE = Code.QUORUM_MISSING

    def bend(self, answer: QueryAnswer) -> QueryAnswer:
        """Drop a cosignature."""
        return answer.model_copy(update={"checkpoint": self.broker.log.checkpoint(witnesses=1)})


class ReusesEvidence(AgencyDoor):
    """Answers the same question again with the first answer, and logs nothing."""

    CODE = Code.RECEIPT_INVALID
    first: bytes | None = None

    async def query(self, body: bytes, *, purpose: PurposeId, person: str) -> bytes:
        """Give the first answer."""
        if self.first is None:
            self.first = await super().query(body, purpose=purpose, person=person)
        return self.first


BENT = (
    InventsMatch,
    RepeatsMatch,
    Withholds,
    RaisesLevel,
    LowersLevel,
    NamesAnotherRule,
    Exaggerates,
    NamesAnotherAgency,
    NamesAnotherSignal,
    SwapsPart,
    KeepsParts,
    WithoutEvidence,
    ProvesAnotherEvent,
    WithoutQuorum,
)
"""All that a client sees in one answer."""
