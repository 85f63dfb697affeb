# SPDX-License-Identifier: EUPL-1.2
"""One act is told once: the same leaf, signal or notice number at two places is an alarm that names both."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from protocol.doubles import Acts, Leaves
from protocol.errors import Code, VerificationError
from protocol.events import Act, Asked, CovenantRef, Event, HitOpened, NoticeIssued, SignalRegistered, Subject, Words
from protocol.ids import Epoch, KeyId, KeyKind, PartyId, SignalId

REF = CovenantRef(version="1", sha256="0" * 64)
POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")


def _act(**facts: object) -> Act:
    return Act(time=datetime(2026, 11, 21, tzinfo=UTC), covenant=REF, **facts)  # type: ignore[arg-type]


def _notice(receiver: PartyId, seq: int) -> Event:
    return NoticeIssued(act=_act(recipient=receiver), notice_seq=seq, notice_type="hit")


def _signal(number: int, agency: PartyId = POLICE) -> Event:
    asked = Asked(
        epoch=Epoch(0), basis="b", grounds=("g",), key_kinds=(KeyKind("phone"),), days=3, informed="not-required"
    )
    return SignalRegistered(
        act=_act(agency=agency),
        subject=Subject(signal_ids=(SignalId(UUID(int=number)),)),
        asked=asked,
        urgency="normal",
        request_digest="0" * 64,
        request_key_id=KeyId("police-oost:1"),
    )


def _opened() -> Event:
    words = Words(text="overleg", case_reference="Z-1")
    return HitOpened(act=_act(person="p-1", justification="own-case"), subject=Subject(words=words))


def test_a_leaf_that_comes_twice_is_found_with_both_places():
    """In a whole log, however far apart they stand; a log without one passes."""
    leaves = Leaves()
    leaves.take([bytes([n]) for n in range(200)])
    leaves.finish()
    leaves.take([b"other", bytes([7])])
    with pytest.raises(VerificationError, match="Entry 201 of the log tells again what entry 7 told") as caught:
        leaves.finish()
    assert caught.value.code is Code.LOG_DOUBLED


@pytest.mark.parametrize(
    ("one", "other"),
    [(_notice(POLICE, 1), _notice(POLICE, 1)), (_signal(1), _signal(1))],
)
def test_what_happens_once_is_not_told_twice(one: Event, other: Event):
    """Also with fresh salts, so that no leaf is alike."""
    acts = Acts()
    acts.take(3, one, b"a")
    with pytest.raises(VerificationError, match="Entry 9") as caught:
        acts.take(9, other, b"b")
    assert caught.value.code is Code.LOG_DOUBLED


def test_what_can_happen_again_may_be_told_again():
    """Another number, another receiver, another agency's signal, or an act that people repeat."""
    acts = Acts()
    entries = [_notice(POLICE, 1), _notice(POLICE, 2), _notice(CARE, 1), _signal(1), _signal(2), _signal(1, CARE)]
    for index, event in enumerate([*entries, _opened(), _opened()]):
        acts.take(index, event, bytes([index]))
    acts.take(0, entries[0], bytes([0]))


def test_the_same_leaf_is_a_double_whatever_it_tells():
    """Salts are fresh: nobody does two acts with one leaf."""
    acts = Acts()
    acts.take(1, _opened(), b"a")
    with pytest.raises(VerificationError):
        acts.take(2, _opened(), b"a")
