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
from protocol.ids import PurposeId
from protocol.messages import CodeText, Kind, Level, Message, Quality, Text
from protocol.policy import Decision, Evaluate, Notify, PolicyEngine, Push, Question

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
    """May this agency register this signal?"""

    agency: Actor
    epoch: EpochName = "current"
    grounds: Annotated[tuple[CodeText, ...], Field(strict=False, max_length=10)]
    basis: CodeText
    key_kinds: Annotated[tuple[Kind, ...], Field(strict=False, max_length=64)]
    days: Annotated[int, Field(ge=-3_660, le=3_660)]


class NotifyCase(Message):
    """May the receiver be told of the sender's signal? ``own``: receiver and sender are the same agency."""

    sender: Actor
    receiver: Actor
    quality: Quality
    level: Level
    own: bool = False


class Case(Message):
    """One question and the rule that is expected to decide it."""

    says: Text
    """Why the answer must be so, for a reader who knows the law."""
    when: Literal["in-force", "before", "after"] = "in-force"
    evaluate: EvaluateCase | None = None
    push: PushCase | None = None
    notify: NotifyCase | None = None
    rule: Text

    @model_validator(mode="after")
    def _one(self) -> "Case":
        if sum(part is not None for part in (self.evaluate, self.push, self.notify)) != 1:
            raise ValueError("a case asks one question: evaluate, push or notify")
        return self


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
    covenant, case = engine.covenant, filed.case
    now = {
        "in-force": in_force,
        "before": covenant.valid_from - timedelta(seconds=1),
        "after": covenant.valid_until,
    }[case.when]
    if case.evaluate is not None:
        epoch = epoch_named(covenant, in_force, case.evaluate.epoch)
        return Evaluate(model_id(case.evaluate.agency.kind, case.evaluate.agency.state), filed.purpose, epoch, now)
    if case.push is not None:
        push = case.push
        return Push(
            model_id(push.agency.kind, push.agency.state),
            filed.purpose,
            epoch_named(covenant, in_force, push.epoch),
            now,
            push.grounds,
            push.basis,
            push.key_kinds,
            now + timedelta(days=push.days),
        )
    if case.notify is not None:
        notify = case.notify
        sender = model_id(notify.sender.kind, notify.sender.state, other=not notify.own)
        receiver = model_id(notify.receiver.kind, notify.receiver.state)
        return Notify(sender, receiver, filed.purpose, notify.quality, notify.level, now)
    raise ValueError("a case without a question")
