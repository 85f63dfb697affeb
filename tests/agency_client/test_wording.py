# SPDX-License-Identifier: EUPL-1.2
"""A hit in words: who, on what, how sure, and by when."""

from datetime import timedelta
from uuid import UUID

import pytest

from agency_client.vault.hits import HitState, KeptHit
from agency_client.wording import words_of
from protocol.ids import Epoch, HitId, KeyKind, PartyId, SignalId
from protocol.messages import Agreement, Counterpart, Evidence, HitNotice, Opening, Quality
from tests.fakes.small_world import NOW, PURPOSE, World

EVIDENCE = Evidence(
    index=0, opening=Opening(record={}, record_salt=bytes(32), subject={}, subject_salt=bytes(32)), proof=()
)


def hit(quality: Quality, *kinds: str, agency: str | None = "care-linde", mine: str = "subject") -> KeptHit:
    """Return a kept hit on these kinds."""
    other = None if agency is None else Counterpart(agency=PartyId(agency), signal_id=SignalId(UUID(int=2)))
    notice = HitNotice(
        seq=1,
        at=NOW,
        hit_id=HitId(UUID(int=3)),
        my_signal=SignalId(UUID(int=1)),
        purpose=PURPOSE,
        epoch=Epoch(3),
        quality=quality,
        level="agency",
        urgency="normal",
        agreed=tuple(Agreement(kind=KeyKind(kind), my_role=mine, their_role="subject") for kind in kinds),  # type: ignore[arg-type]
        counterpart=other,
        rule="rule",
        evidence=EVIDENCE,
    )
    return KeptHit(notice, HitState.LIVE, None, None)


@pytest.mark.parametrize(
    ("kept", "sentence", "sure"),
    [
        (
            hit("hit", "phone"),
            "Jeugdzorg De Linde knows the person of D-17: phone number agrees. "
            "Act before Tue 24 Nov 20:00 UTC (2 days left).",
            "shared by a household",
        ),
        (hit("hit", "bsn", "phone"), "citizen service number and phone number agree", "one person's own number"),
        (hit("probable", "initial-sound-dob"), "probably knows the person of D-17", "1 in"),
        (hit("possible", "name-year", "sound-month-day", agency=None), "Another agency possibly knows", "1 in"),
        (hit("hit", "bsn", mine="associate"), "somebody around the person of D-17", "own number"),
    ],
)
def test_a_hit_is_one_sentence(world: World, kept: KeptHit, sentence: str, sure: str) -> None:
    """The sentence names the agency as far as it may be known, the record, the kinds, and the deadline."""
    words = words_of(kept, "D-17", world.kit.covenant, NOW + timedelta(hours=1))
    assert sentence in words.sentence
    assert sure in words.sure


def test_a_twin_is_mentioned(world: World) -> None:
    """When nothing that agrees tells twins apart, the sentence says so."""
    covenant = world.kit.covenant
    assert "twin" in words_of(hit("probable", "initial-sound-dob"), "D-17", covenant, NOW).sentence
    assert "twin" not in words_of(hit("probable", "name-dob"), "D-17", covenant, NOW).sentence


def test_no_word_says_that_something_differs(world: World) -> None:
    """What did not agree may be unknown at the other side, so nothing is said about it."""
    words = words_of(hit("probable", "name-dob"), "D-17", world.kit.covenant, NOW)
    assert "differ" not in words.sentence + words.sure
