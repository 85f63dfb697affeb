# SPDX-License-Identifier: EUPL-1.2
"""From the broker's answer to a question to one that may be believed. Pure: it raises, or returns another type.

What must hold: the log proves that just this question was answered, for this person and reason, with so many matches;
of each match, that what agrees was asked and carries its quality, that the level and rule are the covenant's own, that
the counterpart signed what it sealed, and that every released part opens with every key that agreed. Below level
``contact`` nothing opens, so that a match there is the broker's word: it could invent one, or keep one back, and log
that number. Not here: asking (``ask.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agency_client.draft import part_fields
from agency_client.inbox import Reader, require_carried
from agency_client.trail import prove
from agency_client.vault.signals import KeptKey
from agency_client.verified import Receipt
from protocol.checkpoint import CosignedCheckpoint
from protocol.commitments import tag_digest
from protocol.errors import Code, VerificationError
from protocol.events import QueryAnswered, Words
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId
from protocol.messages import Agreement, Level, PartName, Quality, QueryAnswer, QueryMatch, QueryRequest
from protocol.policy import PolicyEngine, Query


@dataclass(frozen=True, slots=True)
class Asked:
    """What was sent, by whom, with the envelope keys of what was asked."""

    request: QueryRequest
    agency: PartyId
    person: str
    keys: Sequence[KeptKey] = field(repr=False)

    @property
    def kinds(self) -> tuple[KeyKind, ...]:
        """The kinds of key, each once, in order of name."""
        return tuple(sorted({key.kind for key in self.request.keys}))


@dataclass(frozen=True, slots=True)
class KnownCase:
    """One case of another agency that knows the person: what agrees, how sure, and what was released of it.

    Is a ``Claim`` of ``inbox.py``.
    """

    purpose: PurposeId
    epoch: Epoch
    at: datetime
    quality: Quality
    level: Level
    agreed: tuple[Agreement, ...]
    urgent: bool
    agency: PartyId | None
    parts: Mapping[PartName, Mapping[str, str]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """A whole answer that holds, and the receipt of its question."""

    at: datetime
    cases: tuple[KnownCase, ...]
    receipt: Receipt


def check_answer(answer: QueryAnswer, cosigned: CosignedCheckpoint, asked: Asked, reader: Reader) -> CheckedAnswer:
    """Return the answer as one that may be believed.

    Raises ``VerificationError``: ``receipt_invalid`` when the log does not prove just this answer,
    ``covenant_untrusted`` when it was given under rules that the board did not sign, ``envelope_invalid`` when a part
    was not sealed by whom it names, was changed, or does not open. May ask for an earlier covenant: not in an event
    loop.
    """
    proven = prove(answer.evidence, cosigned)
    event = proven.event
    if not isinstance(event, QueryAnswered):
        raise _not_proven("The log's entry is not an answered question.")
    _require_ours(event, asked)
    # The broker may have changed to another version just now: the one that it names decides, when the board signed it.
    engine = reader.versions.require(event)
    question = Query(
        asked.agency, asked.request.purpose, asked.request.epoch, event.act.time, asked.kinds, justified=True
    )
    decision = engine.decide(question)
    if not decision.allowed or event.act.policy_ids != decision.policies:
        raise _not_proven("The log names another rule than the covenant has for this question.")
    if event.matches != len(answer.matches):
        raise _not_proven("The log has another number of matches than the answer.")
    signals = [match.counterpart.signal_id for match in answer.matches if match.counterpart is not None]
    if len(set(signals)) != len(signals):
        raise _not_proven("The answer names one signal twice.")
    cases = tuple(_case(match, event.act.time, asked, reader, engine) for match in answer.matches)
    return CheckedAnswer(event.act.time, cases, proven.receipt(asked.request.purpose))


def _require_ours(event: QueryAnswered, asked: Asked) -> None:
    act, request = event.act, asked.request
    subject = event.subject
    if (act.agency, act.person, act.system) != (asked.agency, asked.person, None):
        raise _not_proven("The log's entry is about another agency or another person.")
    if act.justification != request.justification.code or subject.words != Words(
        text=request.justification.text, case_reference=request.justification.case_reference
    ):
        raise _not_proven("The log has another reason than the one given.")
    if (act.purpose, event.epoch, act.decision) != (request.purpose, request.epoch, "allow"):
        raise _not_proven("The log's entry is about another purpose or epoch.")
    digests = {tag_digest(key.tag) for key in request.keys}
    if set(subject.tag_digests) != digests or event.key_kinds != asked.kinds or subject.signal_ids or subject.hit_id:
        raise _not_proven("The log has another question than the one asked.")


def _case(match: QueryMatch, at: datetime, asked: Asked, reader: Reader, engine: PolicyEngine) -> KnownCase:
    other = match.counterpart
    case = KnownCase(
        asked.request.purpose,
        asked.request.epoch,
        at,
        match.quality,
        match.level,
        match.agreed,
        match.urgency == "urgent",
        None if other is None else other.agency,
    )
    if (other is None) != (match.level == "existence"):
        raise _not_proven("A match names another agency that its level does not, or lacks the one it names.")
    require_carried(case, frozenset((key.kind, key.role) for key in asked.keys))
    _require_level(match, case, asked, engine)
    if other is None:
        return case
    plain = reader.open_parts(case, other, asked.keys)
    return KnownCase(
        *(case.purpose, case.epoch, at, case.quality, case.level, case.agreed, case.urgent, case.agency),
        {name: part_fields(raw) for name, raw in plain.items()},
    )


def _require_level(match: QueryMatch, case: KnownCase, asked: Asked, engine: PolicyEngine) -> None:
    """Pass when the covenant gives just this level by this rule; of an unnamed agency, for some agency it could be."""
    others = [agency.id for agency in engine.covenant.agencies if agency.id != asked.agency]
    for sender in others if case.agency is None else [case.agency]:
        level, decision = engine.highest_level(sender, asked.agency, case.purpose, case.quality, case.at)
        if (level, decision.rule) == (match.level, match.rule):
            return
    raise _not_proven("A match tells another level, or names another rule, than the covenant has for it.")


def _not_proven(detail: str) -> VerificationError:
    return VerificationError(
        Code.RECEIPT_INVALID, detail, hint="Nothing of this answer is shown. Tell the broker's operator and the board."
    )
