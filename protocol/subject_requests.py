# SPDX-License-Identifier: EUPL-1.2
"""What an agency asks the broker to answer a citizen who asks what is processed about him or her, and what comes back.

No pseudonym is sent: what stands in the log is a pseudonym's digest, and that is what is asked for. Spec:
``spec/subject-access.md``. Not here: which entries an agency is given (the broker), whether they are true (whoever
asked), who may ask for which purpose (the covenant).
"""

from typing import Annotated, Final

from pydantic import Field, model_validator

from protocol.events import MAX_SUBJECTS
from protocol.ids import SignalId
from protocol.messages import Bytes32, EpochNumber, Evidence, Justification, LogIndex, Message, Note, Purpose

MAX_DIGESTS: Final = MAX_SUBJECTS
"""Of one request: the event that records it names them all. Some thirty keys of a person, for six purposes and two
epochs, are 360."""
MAX_PURPOSES: Final = 100
"""As many as a covenant can count of."""
MAX_TAGGED: Final = 2 * MAX_PURPOSES
"""Purpose and epoch: never more than two epochs of a purpose live."""
MAX_OWN: Final = 1_000
"""Own signals about one person, and own entries known: a case that is registered every week for its twenty years."""
MAX_ENTRIES: Final = 2_000
"""Entries of one answer, with their proofs some 6 MB of JSON. More than that of one citizen comes in parts."""


class PurposeTags(Message):
    """The digests (``commitments.tag_digest``) of one person's pseudonyms under one purpose and epoch."""

    purpose: Purpose
    epoch: EpochNumber
    tag_digests: Annotated[tuple[Bytes32, ...], Field(strict=False, min_length=1, max_length=MAX_DIGESTS)]


class SubjectSearch(Message):
    """``POST /v1/subject-requests``: which entries of the log are about this person? Each call is logged."""

    justification: Justification
    purposes: Annotated[tuple[Purpose, ...], Field(strict=False, min_length=1, max_length=MAX_PURPOSES)]
    """For which of them the citizen is answered; of one that the asker does not answer for, nothing is looked up."""
    tags: Annotated[tuple[PurposeTags, ...], Field(strict=False, max_length=MAX_TAGGED)] = ()
    signals: Annotated[
        tuple[Annotated[SignalId, Field(strict=False)], ...], Field(strict=False, max_length=MAX_OWN)
    ] = ()
    """Own signals about the person, whose epoch's keys are gone: no digest finds them any more."""
    known: Annotated[tuple[LogIndex, ...], Field(strict=False, max_length=MAX_OWN)] = ()
    """Own entries about the person that were proven before: of each that was erased, the erasure is shown."""

    @model_validator(mode="after")
    def _fits(self) -> "SubjectSearch":
        if len(set(self.purposes)) != len(self.purposes):
            raise ValueError("each purpose at most once")
        if len({(group.purpose, group.epoch) for group in self.tags}) != len(self.tags):
            raise ValueError("each purpose and epoch at most once")
        if not {group.purpose for group in self.tags} <= set(self.purposes):
            raise ValueError("tags are of the purposes that are asked for")
        if sum(len(group.tag_digests) for group in self.tags) > MAX_DIGESTS:
            raise ValueError(f"at most {MAX_DIGESTS} digests together")
        return self


class ErasedPlace(Message):
    """An own entry of which the subject part, or all, was erased, and the entry that says so."""

    index: LogIndex
    marker: Evidence


class SubjectFound(Message):
    """What the asker may see about the person, oldest first, with the evidence of its ``SubjectReported``."""

    entries: Annotated[tuple[Evidence, ...], Field(strict=False, max_length=MAX_ENTRIES)]
    more: bool
    """Whether there are entries that did not fit."""
    erased: Annotated[tuple[ErasedPlace, ...], Field(strict=False, max_length=MAX_OWN)] = ()
    report: Evidence
    checkpoint: Note
