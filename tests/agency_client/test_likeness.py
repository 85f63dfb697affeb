# SPDX-License-Identifier: EUPL-1.2
"""What agrees, each family once, and how sure that is: every number worked out here from the table's figures."""

import pytest

from agency_client.likeness import families, joined, one_in, strangers, sureness, twins_agree
from protocol.ids import KeyKind
from protocol.keys import KINDS

N = 17_000_000
ALL_OF_A_NAME = [kind for kind, rule in KINDS.items() if rule.tier in ("strong", "medium", "weak")]


def _kinds(*names: str) -> list[KeyKind]:
    assert set(names) <= set(KINDS)
    return [KeyKind(name) for name in names]


@pytest.mark.parametrize(
    ("kinds", "named"),
    [
        (["phone"], ["phone number"]),
        (["sound-dob", "name-dob", "initials-dob", "phone"], ["phone number", "name and birth date"]),
        (["handle", "bsn", "document", "phone"], ["BSN", "document number", "phone number", "online account"]),
        (["name-dob-swapped", "name-year"], ["name and birth date (day and month swapped)"]),
        (["sound-any-dob", "sound-year-day"], ["name (by sound) and birth date"]),
        (["sound-year-month", "name-year"], ["name (by sound) and part of the birth date"]),
        (["one-sound-dob", "dob-postcode"], ["given name or surname (by sound) and birth date", "postcode"]),
        (["one-sound-dob", "dob-postcode", "address", "dob-number"], ["given name or surname (by sound) and birth date",
                                                                      "address"]),
        (["sound-address", "address", "vehicle"], ["name (by sound)", "address", "licence plate"]),
        (["phone", "dob-postcode"], ["phone number", "birth date and postcode"]),
    ],
)  # fmt: skip
def test_each_family_is_named_once_by_its_strongest_kind(kinds: list[str], named: list[str]) -> None:
    """Own numbers come first, then contacts, one name with birth date, and one place."""
    assert families(_kinds(*kinds)) == named


def test_everything_at_once_stays_short() -> None:
    """All kinds of a name are one family, all of a place another, and no word of ours is about pseudonyms."""
    assert families([*ALL_OF_A_NAME, *_kinds("address", "dob-postcode", "dob-number")]) == [
        "name and birth date",
        "address",
    ]


def test_a_kind_that_is_not_in_the_table_is_named_and_counts_for_nothing() -> None:
    """An unknown kind is shown as it is called and makes nobody surer."""
    shoe = KeyKind("shoe-size")
    assert families([shoe, *_kinds("phone")]) == ["phone number", "shoe-size"]
    assert strangers([shoe, *_kinds("name-dob")], N) == strangers(_kinds("name-dob"), N)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        # Given name 3e-3, surname 3e-4, birth date 1/27,000, times 2 for their dependence.
        (["name-dob"], 3e-3 * 3e-4 / 27_000 * 2 * N),
        # Weaker kinds of the same name and birth date add nothing: they are made of the same fields.
        (["name-dob", "sound-dob", "name-year", "initials-dob"], 3e-3 * 3e-4 / 27_000 * 2 * N),
        # A re-issued phone is 1e-8, whatever the name is: independent, so the chances multiply.
        (["phone"], 1e-8 * N),
        (["phone", "name-dob"], 1e-8 * 3e-3 * 3e-4 / 27_000 * 2 * N),
        # One household has one phone and one address: only the more selective of 1e-8 and 1/8,000,000 counts.
        (["phone", "address", "name-dob"], 1e-8 * 3e-3 * 3e-4 / 27_000 * 2 * N),
        (["phone", "email", "handle"], 1e-8 * N),
        # The postcode's 1/460,000; its birth date is counted in the other kind already.
        (["one-sound-dob", "dob-postcode"], 5e-3 / 27_000 * 2 / 460_000 * N),
        # Without any name, the birth date of the factor itself counts, but not its place with the phone as well.
        (["phone", "dob-postcode"], 1 / 27_000 / 460_000 * N),
        # The address is part of the key already; it does not count twice.
        (["sound-address", "address"], 4e-3 * 6e-4 / 8_000_000 * 2 * 2 * N),
        (["bsn", "skn"], 1e-10 * N),
        (["bsn", "phone", "initials-dob"], 1e-10 * 1e-8 * 0.08 * 0.08 / 27_000 * 2 * N),
        ([], N),
    ],
)
def test_the_expected_strangers(kinds: list[str], expected: float) -> None:
    """The strongest kind of each independent family counts, and their chances multiply."""
    assert strangers(_kinds(*kinds), N) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kinds", "sure"),
    [
        (["phone"], "A phone can be shared."),
        (["phone", "email"], "A phone and an e-mail address can be shared."),
        (["advert"], "An advertisement can be shared."),
        (["phone", "address"], "A phone and an address can be shared."),
        (
            ["phone", "name-dob"],  # 1.1e-11 strangers
            "That this is somebody else is very unlikely (fewer than 1 in 10,000 questions would find a stranger).",
        ),
        (
            ["name-dob"],  # 1 / 0.001133 = 882
            "That this is somebody else is unlikely (about 1 in 880 questions would find a stranger).",
        ),
        (
            ["sound-year-month"],  # 4e-3 * 6e-4 / 900 * 2 * N = 0.0907; 1 / 0.0907 = 11.03
            "This may be somebody else (about 1 in 11 questions would find a stranger).",
        ),
        (
            ["name-year", "sound-month-day"],  # 4e-3 * 6e-4 / 365 * 2 * N = 0.2236; 1 / 0.2236 = 4.5
            "This may well be somebody else (about 1 in 4 questions would find a stranger).",
        ),
        (
            ["initial-sound-dob"],  # 0.08 * 6e-4 / 27,000 * 2 * N = 0.0604; 1 / 0.0604 = 16.5
            "This may be a stranger (about 1 in 16 questions would find a stranger).",
        ),
        (
            ["bsn"],
            "It is one person's own number that agrees; only a mistake in writing it down makes this somebody else.",
        ),
        (
            ["sound-address", "address"],  # 2.0e-5 strangers
            "That this is a stranger is very unlikely (fewer than 1 in 10,000 questions would find a stranger). "
            "Relatives of one name at one address agree as well.",
        ),
    ],
)
def test_how_sure_in_words(kinds: list[str], sure: str) -> None:
    """Words come first; what is only shared gets no number, since who shares it is no stranger."""
    assert sureness(_kinds(*kinds), N, one_person=True) == sure


def test_the_population_of_the_covenant_counts() -> None:
    """In a region of a hundredth of the people, a hundredth of the strangers is expected."""
    assert "1 in 880 " in sureness(_kinds("name-dob"), N, one_person=True)
    assert "fewer than 1 in 10,000" in sureness(_kinds("name-dob"), N // 100, one_person=True)


def test_kinds_of_several_associates_do_not_add_up() -> None:
    """A phone of the one and a name of the other associate are no conjunction: the most telling alone counts."""
    kinds = _kinds("phone", "name-dob")
    assert "about 1 in 880" in sureness(kinds, N, one_person=False)
    assert "fewer than 1 in 10,000" in sureness(kinds, N, one_person=True)


def test_a_shared_phone_does_not_tell_twins_apart() -> None:
    """Twins share the phone at home, surname, initial and birth date; a given name or a BSN tells them apart."""
    assert twins_agree(_kinds("phone", "initial-sound-dob"))
    assert twins_agree(_kinds("phone", "address", "initials-dob", "dob-postcode"))
    assert not twins_agree(_kinds("phone", "name-dob", "initial-sound-dob"))
    assert not twins_agree(_kinds("bsn", "initial-sound-dob"))
    assert not twins_agree(_kinds("phone"))
    assert not twins_agree(_kinds("phone", "address", "vehicle"))


@pytest.mark.parametrize(
    ("expected", "n"), [(1 / 882.9, 880), (1 / 194.6, 190), (1 / 19.9, 19), (0.2, 5), (0.3, 3), (6.0, 1)]
)
def test_one_in_is_never_surer_than_the_figures(expected: float, n: int) -> None:
    """Two figures, rounded down."""
    assert one_in(expected) == n


def test_a_list_reads_as_english() -> None:
    """A comma stands before the last "and" where a name has one of its own."""
    assert joined([]) == ""
    assert joined(["BSN"]) == "BSN"
    assert joined(["BSN", "phone number"]) == "BSN and phone number"
    assert joined(["BSN", "phone number", "address"]) == "BSN, phone number and address"
    assert joined(["phone number", "name and birth date"]) == "phone number, and name and birth date"
