# SPDX-License-Identifier: EUPL-1.2
"""A record becomes the same keys everywhere; bad values are told, good ones still count. Vectors: normalise.json."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import InputError
from protocol.keys import KINDS, Tier, quality_of
from protocol.messages import MAX_KEYS
from protocol.normalise import MAX_ASSOCIATES, MAX_VALUES, Normalised, Person, Record, normalise

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "normalise.json").read_text(encoding="utf-8"))["cases"]
MOST_KEYS = 19
"""Person keys of one person: seventeen, and two for the halves of a double surname."""


def _person(fields: dict[str, object]) -> Person:
    def frozen(value: object) -> object:
        return tuple(frozen(item) for item in value) if isinstance(value, list) else value

    return Person(**{name: frozen(value) for name, value in fields.items()})


def _keys(**fields: str) -> Normalised:
    return normalise(Record(Person(**fields)))


def _agree(one: Person, other: Person) -> str | None:
    keys = {(key.kind, key.normal_form) for key in normalise(Record(one)).keys}
    return quality_of(key.kind for key in normalise(Record(other)).keys if (key.kind, key.normal_form) in keys)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_vectors_hold(case: dict) -> None:
    """Each case of the vectors gives exactly its keys, in order, and its issues."""
    record = Record(_person(case["person"]))
    if case["keys"] is None:
        with pytest.raises(InputError) as caught:
            normalise(record)
        issues = caught.value.issues
    else:
        found = normalise(record)
        issues = found.issues
        assert [[key.kind, key.normal_form] for key in found.keys] == case["keys"]
        assert all(key.tier is KINDS[key.kind].tier and key.role == "subject" for key in found.keys)
    assert [[issue.location, issue.code] for issue in issues] == case["issues"]


JAN = Person(given_names="Jan", surname="van den Berg", birth_date="1985-03-12", postcode="3511CE", house_number="8")


@pytest.mark.parametrize(
    ("other", "quality"),
    [
        ({}, "probable"),
        ({"surname": "Vandenberg", "given_names": "JAN"}, "probable"),
        ({"surname": "Berg, van den"}, "probable"),
        ({"surname": "Jan", "given_names": "van den Berg"}, "probable"),
        ({"given_names": "J.", "postcode": ""}, "probable"),
        ({"birth_date": "1985-12-03", "postcode": ""}, "probable"),
        ({"birth_date": "1985-03-13", "postcode": ""}, "probable"),
        ({"birth_date": "1985-00-12", "postcode": ""}, "probable"),
        ({"surname": "van den Berg-Smit", "postcode": ""}, "probable"),
        ({"given_names": "Piet"}, "possible"),
        ({"given_names": "Piet", "postcode": "1012AB"}, "possible"),
        ({"given_names": "Piet", "postcode": "1012AB", "house_number": "9"}, None),
        ({"surname": "Zwart", "postcode": ""}, "possible"),
        ({"surname": "Zwart", "postcode": "", "house_number": ""}, None),
        ({"birth_date": ""}, "possible"),
        ({"birth_date": "", "house_number": "9"}, None),
        ({"given_names": "Piet", "surname": "Zwart"}, None),
        ({"birth_date": "1986-03-12", "postcode": ""}, None),
        ({"birth_date": "1986-04-13", "postcode": "", "house_number": ""}, None),
    ],
)
def test_what_differs_decides_the_quality(other: dict[str, str], quality: str | None) -> None:
    """One error in name or date stays probable; a lost name or date needs the address; more is no hit."""
    fields = {name: getattr(JAN, name) for name in ("given_names", "surname", "birth_date", "postcode", "house_number")}
    assert _agree(JAN, Person(**{**fields, **other})) == quality


def test_a_double_surname_meets_each_half_and_the_other_order() -> None:
    """Jansen-de Vries meets Jansen, De Vries and De Vries-Jansen, as probable."""
    double = Person(given_names="Anna", surname="Jansen-de Vries", birth_date="1990-11-25")
    for surname in ("Jansen", "de Vries", "de Vries-Jansen", "Jansen de Vries"):
        assert _agree(double, Person(given_names="Anna", surname=surname, birth_date="25-11-1990")) == "probable"


def test_parts_of_a_placeholder_date_make_no_keys() -> None:
    """1 January and 1 July stand for unknown days, so only the whole date with a whole name counts strongly."""
    for date in ("1985-01-01", "1985-07-01"):
        kinds = {key.kind for key in _keys(given_names="Jan", surname="Vos", birth_date=date, house_number="8").keys}
        assert not kinds & {"sound-month-day", "sound-year-day", "sound-year-month", "initial-sound-dob", "dob-number"}
        assert "sound-dob" in kinds


def test_an_associate_makes_only_keys_that_count_alone() -> None:
    """An associate gives identifiers and strong keys, with its role, after the subject's."""
    found = normalise(Record(Person(bsn="111222333"), (JAN, Person(phones=("0612345678",)))))
    assert [key.role for key in found.keys][:2] == ["subject", "associate"]
    tiers = {key.tier for key in found.keys if key.role == "associate"}
    assert tiers == {Tier.IDENTIFIER, Tier.STRONG}


def test_a_record_is_refused_when_only_associates_have_keys() -> None:
    """A record must point at its subject; a licence plate or an address alone does not."""
    for subject in (Person(), Person(vehicles=("G-001-BB",)), Person(postcode="3511CE", house_number="8")):
        with pytest.raises(InputError, match="point at a person"):
            normalise(Record(subject, (JAN,)))


def test_values_are_bounded_and_the_excess_is_told() -> None:
    """Too many values, associates and keys are cut, each with an issue, and never above what a signal holds."""
    crowd = tuple(Person(phones=tuple(f"06123{n:02}{m:03}" for m in range(10))) for n in range(MAX_ASSOCIATES + 1))
    many = Person(phones=tuple(f"06876543{n:02}" for n in range(MAX_VALUES + 5)))
    found = normalise(Record(many, crowd))
    assert len(found.keys) == MAX_KEYS
    assert [(issue.location, issue.code) for issue in found.issues] == [
        ("subject.phones", "too-many"),
        (f"associates[{MAX_ASSOCIATES}]", "too-many"),
        ("record", "too-many"),
    ]


@given(
    st.builds(
        Person,
        given_names=st.text(max_size=30),
        surname=st.text(max_size=30),
        birth_date=st.one_of(st.text(max_size=12), st.dates().map(str)),
        postcode=st.text(max_size=10),
        house_number=st.text(max_size=6),
        country=st.text(max_size=3),
        phones=st.tuples(st.text(max_size=20)),
        emails=st.tuples(st.text(max_size=40), st.emails()),
        bsn=st.text(max_size=12),
        v_number=st.text(max_size=12),
        skn=st.text(max_size=12),
        ibans=st.tuples(st.text(max_size=40)),
        handles=st.tuples(st.tuples(st.sampled_from(["x", "instagram", "?"]), st.text(max_size=60))),
        adverts=st.tuples(st.text(max_size=60)),
        vehicles=st.tuples(st.text(max_size=12)),
        documents=st.tuples(st.tuples(st.text(max_size=12), st.text(max_size=30))),
    )
)
def test_no_text_breaks_it_and_none_is_repeated(person: Person) -> None:
    """Whatever stands in the fields gives keys in bounds and issues, or a refusal; nothing else is raised."""
    try:
        found = normalise(Record(person))
    except InputError:
        return
    assert len(found.keys) == len(set(found.keys)) <= MOST_KEYS + 10
    assert found == normalise(Record(person))


def test_neither_keys_nor_issues_nor_people_show_values() -> None:
    """Printing keys, people, records and issues shows no name, number or form."""
    record = Record(
        Person(given_names="Geheim", surname="Geheim", birth_date="1985-03-12", bsn="999999999", phones=("Geheim",))
    )
    found = normalise(record)
    shown = (repr(record) + repr(found)).casefold()
    assert "geheim" not in shown
    assert "999999999" not in shown
    assert "1985" not in shown


def test_the_number_of_person_keys_is_bounded() -> None:
    """A full record makes seventeen person keys, two more with a double surname."""
    full = {"postcode": "3511CE", "house_number": "8", "birth_date": "1985-03-12"}
    assert len(_keys(given_names="Jan", surname="Vos", **full).keys) == MOST_KEYS - 2
    assert len(_keys(given_names="Jan", surname="Vos-Bakker", **full).keys) == MOST_KEYS
