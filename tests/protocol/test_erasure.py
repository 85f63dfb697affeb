# SPDX-License-Identifier: EUPL-1.2
"""Erased or withheld: only a proven entry of the log that names what is gone makes the difference."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from protocol.checkpoint import (
    Checkpoint,
    CosignedCheckpoint,
    LogSigner,
    WitnessSigner,
    add_cosignatures,
    cosign,
    open_checkpoint,
    sign_checkpoint,
)
from protocol.commitments import commit, without_subject
from protocol.erasure import (
    GROUNDS,
    RETENTION_OVER,
    kept_until,
    month_end,
    month_of,
    prove_marker,
    prove_part,
    prove_whole,
    require_kept,
)
from protocol.errors import Code, VerificationError
from protocol.events import Act, CovenantRef, Event, EventsErased, RequestRefused
from protocol.merkle import Frontier, append
from protocol.messages import ErasedEntry, Evidence
from protocol.tiles import inclusion_proof

JANUARY = datetime(2026, 1, 21, 20, 0, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 3, tzinfo=UTC)
LATER = datetime(2031, 2, 1, tzinfo=UTC)


def _act(moment: datetime) -> Act:
    return Act(time=moment, covenant=CovenantRef(version="1", sha256="0" * 64), agency="police-oost")


OLD = [RequestRefused(act=_act(JANUARY), code=f"code_{i}") for i in range(5)]


def _marker(**fields: Any) -> EventsErased:
    given: dict[str, Any] = {"act": _act(LATER), "ground": "court-order", "entries": 1, **fields}
    return EventsErased(**given)


MONTH = _marker(ground=RETENTION_OVER, month="2026-01", first=0, last=4, entries=5)


class Log:
    """A small log with one witness: entries, and evidence of each."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._committed = [commit(event, b"%032d" % i, b"%032d" % (900 + i)) for i, event in enumerate(events)]
        tree = append(Frontier(), [item.leaf for item in self._committed])
        self._rows = {growth.tile: growth.hashes for growth in tree.growth}
        log, witness = LogSigner("log.example", bytes(32)), WitnessSigner("w.example", b"w" * 32)
        note = sign_checkpoint(Checkpoint("log.example", len(events), tree.root), log)
        note = add_cosignatures(note, [cosign(Checkpoint("log.example", len(events), tree.root), witness, LATER)])
        self.head: CosignedCheckpoint = open_checkpoint(note, log.key, [witness.key], 1)

    def entry(self, index: int) -> Evidence:
        """Return whole evidence."""
        proof = inclusion_proof(index, len(self._committed), self._rows)
        return Evidence(index=index, opening=self._committed[index].opening, proof=proof)

    def part(self, index: int) -> Evidence:
        """Return evidence of which the subject part is gone."""
        whole = self.entry(index)
        return whole.model_copy(update={"opening": without_subject(whole.opening)})

    def whole(self, index: int) -> ErasedEntry:
        """Return evidence of which only the leaf is left."""
        return ErasedEntry(index=index, leaf=self._committed[index].leaf, proof=self.entry(index).proof)


def prove(left: Evidence | ErasedEntry, marker: Evidence, head: CosignedCheckpoint) -> object:
    """Prove what is left of an entry, be it a record or a leaf."""
    return prove_whole(left, marker, head) if isinstance(left, ErasedEntry) else prove_part(left, marker, head)


def _refused(code: Code, log: Log, index: int, marker: int, *, whole: bool = False) -> None:
    left = log.whole(index) if whole else log.part(index)
    with pytest.raises(VerificationError) as caught:
        prove(left, log.entry(marker), log.head)
    assert caught.value.code is code


def test_a_part_named_by_its_index_is_erased() -> None:
    """An entry without subject part that a later entry names is erased, and the reader learns by which."""
    log = Log([*OLD, _marker(indexes=(2,))])
    found = prove_part(log.part(2), log.entry(5), log.head)
    assert (found.index, found.event, found.marker.index, found.marker.ground) == (2, OLD[2], 5, "court-order")


def test_a_month_leaves_only_leaves() -> None:
    """An entry of an erased month is erased when the month's marker spans its place."""
    log = Log([*OLD, MONTH])
    found = prove_whole(log.whole(4), log.entry(5), log.head)
    assert (found.index, found.marker.month, found.marker.entries) == (4, "2026-01", 5)


def test_a_part_may_be_of_a_month_that_was_erased_since() -> None:
    """Who kept the record of an entry can still show that the rest of it went with its month."""
    log = Log([*OLD, MONTH])
    assert prove_part(log.part(4), log.entry(5), log.head).marker.month == "2026-01"


def test_a_marker_counts_without_the_words_of_its_reason() -> None:
    """The marker's own subject part may be left out for a reader whom its words do not concern."""
    log = Log([*OLD, _marker(indexes=(2,))])
    assert prove_marker(log.part(5), log.head).indexes == {2}


def test_what_no_marker_names_is_withheld() -> None:
    """An entry without subject part that the marker does not name is an alarm."""
    _refused(Code.ERASURE_UNPROVEN, Log([*OLD, _marker(indexes=(1, 3))]), 2, 5)


def test_another_entry_is_no_marker() -> None:
    """An entry that tells of no erasure proves none."""
    _refused(Code.ERASURE_UNPROVEN, Log(OLD), 2, 3)


def test_a_marker_must_be_in_the_log() -> None:
    """A marker of another log, or changed, proves nothing."""
    log, other = Log([*OLD, _marker(indexes=(1,))]), Log([*OLD, _marker(indexes=(2,))])
    with pytest.raises(VerificationError) as caught:
        prove_part(log.part(2), other.entry(5), log.head)
    assert caught.value.code is Code.RECEIPT_INVALID


def test_the_erased_entry_must_be_in_the_log() -> None:
    """A made-up hash in the place of the subject part, or a made-up leaf, is not the log's entry."""
    log = Log([*OLD, _marker(indexes=(2,))])
    part = log.part(2)
    opening = part.opening.model_copy(update={"subject_hash": bytes(32)})
    with pytest.raises(VerificationError) as caught:
        prove_part(part.model_copy(update={"opening": opening}), log.entry(5), log.head)
    assert caught.value.code is Code.RECEIPT_INVALID
    log = Log([*OLD, MONTH])
    with pytest.raises(VerificationError) as caught:
        prove_whole(log.whole(2).model_copy(update={"leaf": bytes(65)}), log.entry(5), log.head)
    assert caught.value.code is Code.RECEIPT_INVALID


def test_what_is_there_is_not_erased() -> None:
    """An entry that is said to be erased and comes whole is a contradiction."""
    log = Log([*OLD, _marker(indexes=(2,))])
    with pytest.raises(VerificationError) as caught:
        prove_part(log.entry(2), log.entry(5), log.head)
    assert caught.value.code is Code.ERASURE_UNPROVEN


def test_a_marker_of_parts_takes_no_record() -> None:
    """A subject part erased alone leaves its record: a record that is missing then is withheld."""
    _refused(Code.ERASURE_UNPROVEN, Log([*OLD, _marker(indexes=(2,))]), 2, 5, whole=True)


def test_an_entry_outside_the_month_is_withheld() -> None:
    """No entry but those between the marker's first and last place passes for one of the month."""
    log = Log([*OLD, RequestRefused(act=_act(FEBRUARY), code="later"), MONTH])
    _refused(Code.ERASURE_UNPROVEN, log, 5, 6, whole=True)


def test_a_later_month_is_not_the_one_erased() -> None:
    """A record of a later time contradicts a marker that spans its place."""
    march = RequestRefused(act=_act(datetime(2026, 3, 1, tzinfo=UTC)), code="later")
    wide = _marker(ground=RETENTION_OVER, month="2026-01", first=0, last=5, entries=6)
    _refused(Code.ERASURE_UNPROVEN, Log([*OLD, march, wide]), 5, 6)


@pytest.mark.parametrize(
    "wrong",
    [
        _marker(indexes=(5,)),
        _marker(indexes=(2, 9)),
        _marker(),
        _marker(ground=RETENTION_OVER, indexes=(2,)),
        _marker(month="2026-01", first=0, last=4),
        _marker(ground=RETENTION_OVER, month="2026-01"),
        _marker(ground=RETENTION_OVER, month="2026-01", first=0, last=5),
        _marker(ground=RETENTION_OVER, month="2026-01", first=3, last=2),
        _marker(ground=RETENTION_OVER, month="2031-02", first=0, last=4),
        _marker(ground=RETENTION_OVER, month="2026-01", first=0, last=4, indexes=(2,)),
    ],
)
def test_a_marker_that_cannot_be_proves_nothing(wrong: EventsErased) -> None:
    """A marker that names itself, later entries, nothing, or a month that is not over is refused."""
    _refused(Code.ERASURE_UNPROVEN, Log([*OLD, wrong]), 2, 5)


def test_a_marker_is_never_erased_alone() -> None:
    """An entry that tells of an erasure cannot be named by another, so that no marker hides what a marker says."""
    log = Log([*OLD, _marker(indexes=(2,)), _marker(indexes=(5,))])
    _refused(Code.ERASURE_UNPROVEN, log, 5, 6)


def test_a_month_that_went_too_early_is_told() -> None:
    """A month has to be kept for the years that the covenant says, counted from its end."""
    log = Log([*OLD, MONTH])
    marker = prove_marker(log.entry(5), log.head)
    require_kept(marker, 5)
    with pytest.raises(VerificationError) as caught:
        require_kept(replace(marker, at=datetime(2031, 1, 31, 23, 59, tzinfo=UTC)), 5)
    assert caught.value.code is Code.ERASURE_UNPROVEN
    with pytest.raises(VerificationError):
        require_kept(marker, 6)


def test_months_are_counted_in_utc() -> None:
    """A month ends at midnight UTC of its last day, also in December."""
    assert month_of(datetime.fromisoformat("2026-12-31T23:30:00-01:00")) == "2027-01"
    assert month_end("2026-12") == datetime(2027, 1, 1, tzinfo=UTC)
    assert kept_until("2026-12", 4) == datetime(2031, 1, 1, tzinfo=UTC)
    assert RETENTION_OVER in GROUNDS
