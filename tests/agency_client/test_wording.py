# SPDX-License-Identifier: EUPL-1.2
"""A hit in words: who, on what, how sure, and by when."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from agency_client.vault.hits import HitState, KeptHit
from agency_client.wording import counted, muted_sentence, words_of
from protocol.ids import Epoch, KeyKind, SignalId
from protocol.messages import Role
from protocol.notices import MutedNotice
from tests.fakes.kept_hits import EVIDENCE, hit, hit_of
from tests.fakes.small_world import NOW, PURPOSE, World


@pytest.mark.parametrize(
    ("kept", "sentence", "sure"),
    [
        (
            hit("hit", "phone"),
            "Jeugdzorg De Linde knows the person of D-17: phone number agrees. "
            "Act within 2 days (before Tue 24 Nov 20:00 UTC).",
            "A phone can be shared.",
        ),
        (
            hit("hit", "sound-dob", "name-dob", "name-year", "one-sound-dob", "initials-dob", "phone", "address"),
            "Jeugdzorg De Linde knows the person of D-17: phone number, name and birth date, and address agree. "
            "Act within 2 days (before Tue 24 Nov 20:00 UTC).",
            "That this is somebody else is very unlikely (fewer than 1 in 10,000 questions would find a stranger).",
        ),
        (
            hit("probable", "name-dob"),
            "of D-17: name and birth date agree. Act",
            "somebody else is unlikely (about 1 in",
        ),
        (hit("hit", "bsn", "phone"), "of D-17: BSN and phone number agree. Act", "one person's own number"),
        (
            hit("probable", "initial-sound-dob"),
            "probably knows the person of D-17: initial, surname (by sound) and birth date agree. It could be a twin.",
            "may be a stranger (about 1 in",
        ),
        (
            hit("possible", "name-year", "sound-month-day", agency=None),
            "Another agency possibly knows the person of D-17: name (by sound) and part of the birth date agree. Act",
            "may well be somebody else (about 1 in",
        ),
        (hit("hit", "bsn", mine="associate"), "knows somebody around the person of D-17: BSN agrees.", "own number"),
    ],
)
def test_a_hit_is_one_sentence(world: World, kept: KeptHit, sentence: str, sure: str) -> None:
    """The sentence names the agency as far as it may be known, the record, the kinds, and the deadline."""
    words = words_of(kept, "D-17", world.kit.covenant, NOW + timedelta(hours=1))
    assert sentence in words.sentence
    assert sure in words.sure


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (timedelta(hours=71, minutes=59), "Act within 2 days (before Tue 24 Nov 20:00 UTC)."),
        (timedelta(hours=48), "Act within 2 days (before Tue 24 Nov 20:00 UTC)."),
        (timedelta(hours=47, minutes=59), "Act within 47 hours (before Tue 24 Nov 20:00 UTC)."),
        (timedelta(hours=1), "Act within 1 hour (before Tue 24 Nov 20:00 UTC)."),
        (timedelta(minutes=59), "Act within the hour (before Tue 24 Nov 20:00 UTC)."),
        (timedelta(), "The time to act is over since Tue 24 Nov 20:00 UTC."),
        (timedelta(minutes=-1), "The time to act is over since Tue 24 Nov 20:00 UTC."),
    ],
)
def test_the_time_left_comes_first(world: World, left: timedelta, told: str) -> None:
    """The time left is never rounded up, and the moment itself stands behind it."""
    kept, covenant = hit("hit", "phone"), world.kit.covenant
    deadline = words_of(kept, "D-17", covenant, NOW).deadline
    assert deadline is not None
    assert words_of(kept, "D-17", covenant, deadline - left).sentence.endswith(told)


def test_kinds_of_other_people_do_not_make_a_hit_surer(world: World) -> None:
    """The sentence is of the two subjects, with their own quality and kinds; an associate's phone adds nothing."""
    agreed: list[tuple[str, Role, Role]] = [("name-dob", "subject", "subject"), ("phone", "associate", "associate")]
    words = words_of(hit_of("hit", agreed), "D-17", world.kit.covenant, NOW)
    assert "probably knows the person of D-17: name and birth date agree." in words.sentence
    assert "is unlikely (about 1 in" in words.sure


def test_of_associates_the_most_telling_pair_is_named(world: World) -> None:
    """When the subjects themselves do not agree, the best pair is told, our own subject before those around."""
    agreed: list[tuple[str, Role, Role]] = [
        ("phone", "associate", "subject"),
        ("name-dob", "subject", "associate"),
        ("email", "subject", "associate"),
    ]
    words = words_of(hit_of("hit", agreed), "D-17", world.kit.covenant, NOW)
    assert "knows the person (as somebody around theirs) of D-17: e-mail address, and name and birth date agree." in (
        words.sentence
    )


def test_a_withdrawn_hit_asks_for_nothing(world: World) -> None:
    """A hit whose other signal is gone has no deadline and no kinds in its sentence."""
    kept = replace(hit("hit", "phone"), state=HitState.WITHDRAWN)
    words = words_of(kept, "D-17", world.kit.covenant, NOW)
    assert words.sentence == "Jeugdzorg De Linde withdrew its signal about the person of D-17."
    assert words.deadline is None


def test_a_muted_key_is_named_in_english() -> None:
    """The article fits the word."""
    notice = MutedNotice(
        seq=1,
        at=NOW,
        purpose=PURPOSE,
        epoch=Epoch(3),
        kind=KeyKind("handle"),
        signals=21,
        example=SignalId(UUID(int=1)),
        evidence=EVIDENCE,
    )
    assert muted_sentence(notice, "D-17").startswith("An online account of D-17 stands on 21 of your signals, so")
    phone = notice.model_copy(update={"kind": KeyKind("phone")})
    assert muted_sentence(phone, "D-17").startswith("A phone number of D-17 ")


def test_a_number_and_its_noun_agree() -> None:
    """One is singular; nothing and more are plural."""
    assert [counted(n, "row") for n in (0, 1, 2, 1234)] == ["0 rows", "1 row", "2 rows", "1,234 rows"]
    assert counted(1, "signal stands", "signals stand") == "1 signal stands"
    assert counted(2, "signal stands", "signals stand") == "2 signals stand"


def test_a_twin_is_mentioned(world: World) -> None:
    """When nothing that agrees tells twins apart, the sentence says so."""
    covenant = world.kit.covenant
    assert "twin" in words_of(hit("probable", "initial-sound-dob"), "D-17", covenant, NOW).sentence
    assert "twin" not in words_of(hit("probable", "name-dob"), "D-17", covenant, NOW).sentence


def test_no_word_says_that_something_differs(world: World) -> None:
    """What did not agree may be unknown at the other side, so nothing is said about it."""
    words = words_of(hit("probable", "name-dob"), "D-17", world.kit.covenant, NOW)
    assert "differ" not in words.sentence + words.sure
