# SPDX-License-Identifier: EUPL-1.2
"""Names of one person, written differently, have one plain form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.identifiers import UnusableError
from protocol.names import fold, parse_given, parse_surname


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("van den Berg", ("berg",)),
        ("Berg, van den", ("berg",)),
        ("VAN DEN BERG", ("berg",)),
        ("v.d. Berg", ("berg",)),
        ("vd Berg", ("berg",)),
        ("Vandenberg", ("berg",)),
        ("van 't Hof", ("hof",)),
        ("in ’t Veld", ("veld",)),
        ("Van der Meer-de Vries", ("meer", "vries")),
        ("Jansen de Vries", ("jansen", "vries")),
        ("el Idrissi", ("idrissi",)),
        ("El-Idrissi", ("idrissi",)),
        ("Ben Ali", ("ali",)),
        ("bin Laden", ("laden",)),
        ("O'Brien", ("obrien",)),
        ("García y Márquez", ("garcia", "marquez")),
        ("Strauß", ("strauss",)),
        ("Sørensen", ("sorensen",)),
        ("Ĳsbrand", ("ijsbrand",)),
        ("Şahin", ("sahin",)),
        ("İnönü", ("inonu",)),
        ("Ｊａｎｓｅｎ", ("jansen",)),
        ("Jansen-Jansen", ("jansen",)),
        ("Ben", ("ben",)),
        ("van der", ("van",)),
    ],
)
def test_a_surname_loses_prefixes_marks_and_signs(written: str, parts: tuple[str, ...]) -> None:
    """Prefixes of many languages fall away, halves stand apart, ligatures and marks become plain letters."""
    assert parse_surname(written).parts == parts


def test_the_halves_have_one_order() -> None:
    """Which half comes first does not change the whole."""
    assert parse_surname("Jansen-de Vries").whole == parse_surname("de Vries-Jansen").whole == "jansen vries"


@pytest.mark.parametrize(
    ("written", "initial", "name"),
    [
        ("Jan Willem", "j", "jan"),
        ("Jan-Willem", "j", "jan"),
        ("José", "j", "jose"),
        ("J.", "j", None),
        ("J.P.M.", "j", None),
        ("J P", "j", None),
        ("Th.", "t", None),
        ("Cornelis", "k", "cornelis"),
        ("K.", "k", None),
        ("Abdel Rahman", "a", "abdelrahman"),
        ("Abd el Rahman", "a", "abdrahman"),
        ("van den Berg", "b", "berg"),
        ("de la Cruz", "k", "cruz"),
        ("Ben", "b", "ben"),
        ("Al", "a", "al"),
    ],
)
def test_the_first_given_name_counts(written: str, initial: str, name: str | None) -> None:
    """The first of several names counts, initials give only an initial, a surname gives the surname's form."""
    found = parse_given(written)
    assert (found.initial, found.name) == (initial, name)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("Jan3", "not-a-name"),
        ("jan@example.nl", "not-a-name"),
        ("Онегин", "no-latin-letters"),
        ("-", "no-latin-letters"),
        ("Onbekend", "filler"),
        ("N.N.", "filler"),
        ("x" * 201, "too-long"),
    ],
)
def test_what_is_no_name_is_refused(written: str, reason: str) -> None:
    """Digits, other scripts, fillers and sentences are refused for either name."""
    for parse in (parse_given, parse_surname):
        with pytest.raises(UnusableError) as caught:
            parse(written)
        assert caught.value.reason == reason


def test_a_surname_is_no_initial_and_no_sentence() -> None:
    """One letter is too short for a surname, five parts are too long."""
    for written, reason in (("B.", "too-short"), ("een twee drie vier vijf", "too-long")):
        with pytest.raises(UnusableError) as caught:
            parse_surname(written)
        assert caught.value.reason == reason


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    """A folded name holds letters a to z and single spaces, and is its own folded form."""
    plain = fold(text)
    assert plain == fold(plain)
    assert set(plain) <= set("abcdefghijklmnopqrstuvwxyz ")
    assert "  " not in plain
