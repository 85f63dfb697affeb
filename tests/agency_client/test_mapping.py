# SPDX-License-Identifier: EUPL-1.2
"""A mapping file says which column is which field; a row becomes a record or is put aside with reasons."""

import pytest

from agency_client.mapping import Mapping, Quarantined, SourceRecord, to_record
from agency_client.mapping_guess import guess
from agency_client.source_rows import Row
from protocol.errors import ConfigurationError

CONSTANTS = (("purpose", "offender-prevention"), ("grounds", "g1; g2"), ("basis", "legal-duty"))


def _row(**values: str) -> Row:
    return Row(2, values)


def _record(mapping: Mapping, row: Row) -> SourceRecord:
    found = to_record(mapping, row)
    assert isinstance(found, SourceRecord)
    return found


def test_columns_and_constants_fill_a_record() -> None:
    """Prefix and surname join, repeated fields split, groups keep their first part, associates stand apart."""
    mapping = Mapping(
        (
            ("kenmerk", "reference"),
            ("tussen", "surname_prefix"),
            ("naam", "surname"),
            ("tel", "phones"),
            ("gsm", "phones"),
            ("insta", "handles.instagram"),
            ("pas", "documents.passport"),
            ("broer", "associate.phones"),
            ("spoed", "urgency"),
            ("wie", "contact.name"),
        ),
        CONSTANTS,
    )
    row = _row(
        kenmerk="A1", tussen="van den", naam="Berg", tel="1;2", gsm="2", insta="x", pas="P1", broer="3", wie="Jo"
    )
    found = _record(mapping, row)
    person = found.record.subject
    assert person.surname == "van den Berg"
    assert person.phones == ("1", "2")
    assert person.handles == (("instagram", "x"),)
    assert person.documents == (("passport", "P1"),)
    assert [one.phones for one in found.record.associates] == [("3",)]
    assert (found.reference, found.case_reference, found.grounds) == ("A1", "A1", ("g1", "g2"))
    assert (found.urgency, dict(found.contact), dict(found.content)) == (None, {"name": "Jo"}, {})


def test_of_several_columns_the_first_filled_counts() -> None:
    """Initials stand in only where the given name is empty; a column beats a constant."""
    mapping = Mapping((("k", "reference"), ("voornaam", "given_names"), ("letters", "given_names")), CONSTANTS)
    assert _record(mapping, _row(k="1", voornaam="Jan", letters="J.")).record.subject.given_names == "Jan"
    assert _record(mapping, _row(k="1", voornaam="", letters="J.")).record.subject.given_names == "J."
    assert (
        _record(Mapping((("k", "reference"), ("b", "basis")), CONSTANTS), _row(k="1", b="consent")).basis == "consent"
    )


def test_a_row_without_what_a_signal_needs_is_put_aside_with_every_reason() -> None:
    """All reasons come at once, by field, and none repeats a value."""
    mapping = Mapping((("k", "reference"), ("u", "urgency"), ("r", "review_on")), (("purpose", "p"),))
    found = to_record(mapping, _row(k="", u="Geheim", r="Geheim"))
    assert isinstance(found, Quarantined)
    assert [(issue.location, issue.code) for issue in found.reasons] == [
        ("reference", "missing"),
        ("grounds", "missing"),
        ("basis", "missing"),
        ("urgency", "unknown-value"),
        ("review_on", "not-a-date"),
    ]
    assert "Geheim" not in repr(found)


def test_a_mapping_survives_its_file() -> None:
    """What is written is what is read."""
    mapping = Mapping((("Naam é", "surname"), ("k", "reference")), CONSTANTS)
    assert Mapping.from_yaml(mapping.to_yaml()) == mapping


@pytest.mark.parametrize(
    "text",
    [
        "columns: {a: nothing}",
        "columns: {a: handles.myspace}",
        "columns: {a: associate9.bsn}",
        "constants: {nothing: x}",
        "columns: [a]",
        "constants: {country: NO}",
        "other: {}",
        "columns: {a: !!python/name:os.system }",
        "{",
    ],
)
def test_a_mapping_file_that_means_nothing_is_refused(text: str) -> None:
    """Unknown fields, other shapes and values that YAML reads as no text are refused."""
    with pytest.raises(ConfigurationError):
        Mapping.from_yaml(text)


def test_a_mapping_says_what_is_missing() -> None:
    """Required fields without column or constant are listed before any row is read."""
    mapping = Mapping((("k", "reference"),))
    assert mapping.missing == ("purpose", "grounds", "basis")
    assert mapping.with_constants(purpose="p", grounds="g", basis="b").missing == ()


def test_a_file_without_a_mapped_column_is_refused() -> None:
    """A column that the file lacks is named."""
    with pytest.raises(ConfigurationError) as caught:
        Mapping((("k", "reference"), ("weg", "bsn"))).check_columns(("k",))
    assert [issue.location for issue in caught.value.issues] == ["columns.weg"]


def test_dutch_column_names_are_known() -> None:
    """The usual columns of a Dutch export map without help, whatever their capitals and signs."""
    columns = (
        "Kenmerk Voorletters Voornaam Tussenvoegsel Achternaam Geboorte-datum Postcode Huisnummer Telefoon BSN Notitie"
    )
    found = dict(guess(columns.split(), []).mapping.columns)
    assert found == {
        "Kenmerk": "reference",
        "Voornaam": "given_names",
        "Voorletters": "given_names",
        "Tussenvoegsel": "surname_prefix",
        "Achternaam": "surname",
        "Geboorte-datum": "birth_date",
        "Postcode": "postcode",
        "Huisnummer": "house_number",
        "Telefoon": "phones",
        "BSN": "bsn",
    }
    assert next(iter(found)) == "Kenmerk"
    assert list(found).index("Voornaam") < list(found).index("Voorletters")


def test_the_columns_of_febrl_are_known() -> None:
    """The public English data set maps without help, and its foreign postcodes are noticed."""
    columns = [
        "rec_id",
        "given_name",
        "surname",
        "street_number",
        "address_1",
        "address_2",
        "suburb",
        "postcode",
        "state",
        "date_of_birth",
        "soc_sec_id",
    ]
    found = guess(columns, [_row(postcode="4223")])
    assert dict(found.mapping.columns) == {
        "rec_id": "reference",
        "given_name": "given_names",
        "surname": "surname",
        "street_number": "house_number",
        "postcode": "postcode",
        "date_of_birth": "birth_date",
        "soc_sec_id": "documents.soc-sec",
    }
    assert dict(found.mapping.constants) == {"country": "XX"}
    assert "suburb: not used, and never sent" in found.explanation


def test_an_unknown_name_is_guessed_from_check_digits_only() -> None:
    """Three values that pass the eleven-test make a BSN column; one failure, or two values, do not."""
    good = ["123456782", "111222333", "999990019"]
    assert dict(guess(["k1"], [_row(k1=value) for value in good]).mapping.columns) == {"k1": "bsn"}
    assert guess(["k1"], [_row(k1=value) for value in [*good, "123456789"]]).mapping.columns == ()
    assert guess(["k1"], [_row(k1=value) for value in good[:2]]).mapping.columns == ()
