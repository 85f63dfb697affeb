# SPDX-License-Identifier: EUPL-1.2
"""Decision cases: a question a file, in ``cases/<purpose>/ALLOW`` or ``DENY``, and whether the rules agree.

Cases are how law and rules are held together: each is named as a sentence that a lawyer can read. Form:
``policies/README.md``. Not here: the rules, and whether enough cases exist.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from board.models import EpochName, epoch_named, model_id, moment_with_grace
from protocol.covenant_parts import AgencyKind, AgencyState
from protocol.covenant_text import TextError, read_document, read_model
from protocol.errors import Issue
from protocol.ids import PartyId, PurposeId
from protocol.messages import CodeText, Kind, Level, Message, Quality, Text
from protocol.messages import Purpose as PurposeName
from protocol.policy import Decision, PolicyEngine
from protocol.questions import (
    QUESTIONS,
    DecideDisclosure,
    EraseSignal,
    Evaluate,
    ExportEvents,
    InformedStatus,
    LogPurpose,
    Notify,
    PersonRole,
    Plant,
    Push,
    Query,
    Question,
    ReadEvents,
    ReadStatistics,
    RequestDisclosure,
    Scope,
    SubjectRequest,
    action_of,
)

Days = Annotated[int, Field(ge=-3_660, le=3_660)]
_PLACE: Final = re.compile(r"cases/([a-z][a-z0-9-]{1,62})/(ALLOW|DENY)/[a-z0-9][a-z0-9-]{1,100}\.yaml\Z")


class Actor(Message):
    """A model agency of a case."""

    kind: AgencyKind
    state: AgencyState = "active"


class EvaluateCase(Message):
    """May the key-holders evaluate for this agency?"""

    agency: Actor
    epoch: EpochName = "current"


class PushCase(Message):
    """May this agency register this signal? ``reviewAfter``: days until a deferral is looked at again."""

    agency: Actor
    epoch: EpochName = "current"
    grounds: Annotated[tuple[CodeText, ...], Field(strict=False, max_length=10)]
    basis: CodeText
    key_kinds: Annotated[tuple[Kind, ...], Field(strict=False, max_length=64)]
    days: Days
    informed: InformedStatus = "not-required"
    review_after: Days | None = None


class PlantCase(Message):
    """May this agency plant this canary under the cover's name?"""

    agency: Actor
    cover: Actor
    epoch: EpochName = "current"
    grounds: Annotated[tuple[CodeText, ...], Field(strict=False, max_length=10)]
    basis: CodeText
    key_kinds: Annotated[tuple[Kind, ...], Field(strict=False, max_length=64)]
    days: Days


class QueryCase(Message):
    """May this agency ask who knows a person?"""

    agency: Actor
    epoch: EpochName = "current"
    key_kinds: Annotated[tuple[Kind, ...], Field(strict=False, max_length=64)]
    justified: bool = True


class NotifyCase(Message):
    """May the receiver be told of the sender's signal? ``own``: receiver and sender are the same agency."""

    sender: Actor
    receiver: Actor
    quality: Quality
    level: Level
    own: bool = False


class RequestDisclosureCase(Message):
    """May a person of the agency ask the owner for more?"""

    agency: Actor
    owner: Actor
    role: PersonRole
    justified: bool = True
    own: bool = False


class DecideDisclosureCase(Message):
    """May a person of the agency, the owner, decide on what the asker asked?"""

    agency: Actor
    asker: Actor
    role: PersonRole
    own: bool = False


class EventsCase(Message):
    """May a person of the agency read, or take out, entries of the log?"""

    agency: Actor
    role: PersonRole
    scope: Scope
    log_purpose: LogPurpose


class PersonCase(Message):
    """May a person of the agency look for all entries about one citizen, or have the log forget about a signal?"""

    agency: Actor
    role: PersonRole


class ReadStatisticsCase(Message):
    """May a person of the agency read counts of the purpose ``about``?"""

    agency: Actor
    role: PersonRole
    about: PurposeName


class Case(Message):
    """One question and the rule that is expected to decide it."""

    says: Text
    """Why the answer must be so, for a reader who knows the law."""
    when: Literal["in-force", "before", "after"] = "in-force"
    evaluate: EvaluateCase | None = None
    push: PushCase | None = None
    plant: PlantCase | None = None
    query: QueryCase | None = None
    notify: NotifyCase | None = None
    request_disclosure: RequestDisclosureCase | None = None
    decide_disclosure: DecideDisclosureCase | None = None
    read_events: EventsCase | None = None
    export_events: EventsCase | None = None
    subject_request: PersonCase | None = None
    erase_signal: PersonCase | None = None
    read_statistics: ReadStatisticsCase | None = None
    rule: Text

    @model_validator(mode="after")
    def _one(self) -> "Case":
        if len(self._asked()) != 1:
            raise ValueError(f"a case asks one question: {', '.join(map(action_of, QUESTIONS))}")
        return self

    def _asked(self) -> list[Message]:
        parts = [getattr(self, name) for name in type(self).model_fields]
        return [part for part in parts if isinstance(part, Message)]

    @property
    def asked(self) -> Message:
        """The one question."""
        return self._asked()[0]


@dataclass(frozen=True, slots=True)
class FiledCase:
    """A case and what its place says: the purpose and the expected answer."""

    file: str
    purpose: PurposeId
    allowed: bool
    case: Case

    @property
    def sentence(self) -> str:
        """The file's name as a sentence."""
        return self.file.rsplit("/", 1)[1].removesuffix(".yaml").replace("-", " ")


@dataclass(frozen=True, slots=True)
class Tried:
    """A case and what the rules answered."""

    filed: FiledCase
    decision: Decision

    @property
    def wrong(self) -> Issue | None:
        """What is not as expected, or ``None``."""
        expected = ("allowed" if self.filed.allowed else "refused", self.filed.case.rule)
        found = ("allowed" if self.decision.allowed else "refused", self.decision.rule)
        if expected == found:
            return None
        text = f"Expected {expected[0]} by {expected[1]}, but it is {found[0]} by {found[1]}. {self.decision.reason}"
        return Issue(f"{self.filed.file}:1", "case_failed", text)


def read_cases(files: Mapping[str, bytes], issues: list[Issue]) -> list[FiledCase]:
    """Return the cases of a covenant folder in order of their names; what is wrong with them is added to ``issues``."""
    found: list[FiledCase] = []
    for file in sorted(path for path in files if path.startswith("cases/")):
        place = _PLACE.match(file)
        if place is None:
            text = "A case is cases/<purpose>/ALLOW/<sentence>.yaml, or DENY, in lower case with hyphens."
            issues.append(Issue(f"{file}:1", "case_misplaced", text))
            continue
        try:
            document = read_document(file, files[file])
        except TextError as error:
            issues.append(Issue(f"{file}:{error.line}", error.code, error.message))
            continue
        case = read_model(Case, document, issues)
        if case is not None:
            found.append(FiledCase(file, PurposeId(place[1]), place[2] == "ALLOW", case))
    return found


def try_cases(engine: PolicyEngine, cases: list[FiledCase]) -> Iterator[Tried]:
    """Ask each case's question of an engine of models, one by one, so that a caller can show how far it is."""
    moment = moment_with_grace(engine.covenant)
    for filed in cases:
        yield Tried(filed, engine.decide(_question(filed, engine, moment)))


def _question(filed: FiledCase, engine: PolicyEngine, in_force: datetime) -> Question:
    covenant, purpose = engine.covenant, filed.purpose
    now = {
        "in-force": in_force,
        "before": covenant.valid_from - timedelta(seconds=1),
        "after": covenant.valid_until,
    }[filed.case.when]

    def party(actor: Actor, *, other: bool = False) -> PartyId:
        return model_id(actor.kind, actor.state, other=other)

    match filed.case.asked:
        case EvaluateCase() as one:
            return Evaluate(party(one.agency), purpose, epoch_named(covenant, in_force, one.epoch), now)
        case PushCase() as one:
            epoch = epoch_named(covenant, in_force, one.epoch)
            review = None if one.review_after is None else (now + timedelta(days=one.review_after)).date()
            facts = (one.grounds, one.basis, one.key_kinds, now + timedelta(days=one.days))
            return Push(party(one.agency), purpose, epoch, now, *facts, one.informed, review)
        case PlantCase() as one:
            epoch = epoch_named(covenant, in_force, one.epoch)
            facts = (one.grounds, one.basis, one.key_kinds, now + timedelta(days=one.days))
            return Plant(party(one.agency), party(one.cover, other=True), purpose, epoch, now, *facts)
        case QueryCase() as one:
            epoch = epoch_named(covenant, in_force, one.epoch)
            return Query(party(one.agency), purpose, epoch, now, one.key_kinds, one.justified)
        case NotifyCase() as one:
            sender = party(one.sender, other=not one.own)
            return Notify(sender, party(one.receiver), purpose, one.quality, one.level, now)
        case RequestDisclosureCase() as one:
            owner = party(one.owner, other=not one.own)
            return RequestDisclosure(party(one.agency), owner, purpose, one.role, one.justified, now)
        case DecideDisclosureCase() as one:
            return DecideDisclosure(party(one.agency), party(one.asker, other=not one.own), purpose, one.role, now)
        case EventsCase() as one:
            kind = ReadEvents if filed.case.read_events is not None else ExportEvents
            return kind(party(one.agency), purpose, one.role, one.scope, one.log_purpose, now)
        case PersonCase() as one:
            question = SubjectRequest if filed.case.subject_request is not None else EraseSignal
            return question(party(one.agency), purpose, one.role, now)
        case ReadStatisticsCase() as one:
            return ReadStatistics(party(one.agency), purpose, PurposeId(one.about), one.role, now)
    raise ValueError("a case without a question")
