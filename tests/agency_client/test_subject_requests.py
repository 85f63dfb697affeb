# SPDX-License-Identifier: EUPL-1.2
"""The register of citizens' requests: a list that only grows, sealed, with its clock and its ends."""

from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from agency_client.ask_person import person_of
from agency_client.mapping_person import fields_of_yaml
from agency_client.subject_showing import clock_of, request_json, show_requests
from agency_client.vault import Vault
from agency_client.vault.subject_requests import RequestStep
from protocol.errors import ConflictError, InputError, NotFoundError
from tests.fakes.agency_vault import open_vault
from tests.fakes.small_world import NOW

DAY, TODAY = date(2026, 11, 2), date(2026, 11, 21)
CASE, PERSON = "I-2026-17", (b"whoever it is", b"and how to call")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """Return a fresh vault."""
    return open_vault(tmp_path)


def test_a_request_is_entered_once_and_reported_again_and_again(vault: Vault) -> None:
    """The same request again is the same one; every report for it is entered, and it stays open."""
    for _ in range(3):
        vault.subject_requests.receive(CASE, DAY, PERSON, NOW)
        vault.subject_requests.put(CASE, RequestStep.REPORTED, {"refused": {}}, NOW)
    (found,) = vault.subject_requests.all()
    assert (found.case, found.received, found.reports, found.is_open) == (CASE, DAY, 3, True)
    assert clock_of(found, TODAY).days_left == 23


def test_a_case_is_one_request_of_one_person(vault: Vault) -> None:
    """Another day or another person under the same case is a mistake, and says so before anything is asked."""
    vault.subject_requests.receive(CASE, DAY, PERSON, NOW)
    # More is known of the person by now: the same request.
    vault.subject_requests.receive(CASE, DAY, [PERSON[0], b"another number"], NOW)
    for day, person in ((DAY + timedelta(days=1), PERSON), (DAY, [b"somebody else"])):
        with pytest.raises(ConflictError):
            vault.subject_requests.receive(CASE, day, person, NOW)
    with pytest.raises(NotFoundError):
        vault.subject_requests.put("another case", RequestStep.ANSWERED, {}, NOW)


def test_what_has_ended_ends_once(vault: Vault) -> None:
    """After the answer nothing else happens to a request but a report for the file; the end stays what it was."""
    vault.subject_requests.receive(CASE, DAY, PERSON, NOW)
    vault.subject_requests.put(CASE, RequestStep.ANSWERED, {}, NOW)
    for step in (RequestStep.ANSWERED, RequestStep.REFUSED, RequestStep.EXTENDED):
        with pytest.raises(ConflictError):
            vault.subject_requests.put(CASE, step, {"ground": "unfounded", "until": "2027-01-01"}, NOW)
    vault.subject_requests.put(CASE, RequestStep.REPORTED, {"refused": {}}, NOW)
    found = vault.subject_requests.find(CASE)
    assert (found.state, found.is_open, found.reports) == (RequestStep.ANSWERED, False, 1)


def test_a_refusal_keeps_its_ground_and_reason_and_an_extension_its_day(vault: Vault) -> None:
    """The ground is listed, the reason is kept sealed, and an extension moves the clock (law.md D-11)."""
    vault.subject_requests.receive(CASE, DAY, PERSON, NOW)
    said = {"until": "2027-01-11", "reason": "Het onderzoek loopt nog."}
    vault.subject_requests.put(CASE, RequestStep.EXTENDED, said, NOW)
    assert clock_of(vault.subject_requests.find(CASE), TODAY).answer_before == date(2027, 1, 11)
    refused = {"ground": "unfounded", "reason": "Vierde verzoek deze maand."}
    vault.subject_requests.put(CASE, RequestStep.REFUSED, refused, NOW)
    found = vault.subject_requests.find(CASE)
    assert (found.ground, found.reason) == ("unfounded", "Vierde verzoek deze maand.")
    assert request_json(found, TODAY)["ground"] == "unfounded"


def test_nothing_of_a_request_stands_in_the_file_in_the_clear(vault: Vault, tmp_path: Path) -> None:
    """Case, person and reasons are sealed or hashed with a key."""
    vault.subject_requests.receive(CASE, DAY, PERSON, NOW)
    vault.subject_requests.put(CASE, RequestStep.REFUSED, {"ground": "unfounded", "reason": "Geheim."}, NOW)
    vault.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert all(text not in raw for text in (CASE.encode(), *PERSON, b"Geheim", DAY.isoformat().encode()))


def test_the_list_shows_who_waits_and_how_long(vault: Vault) -> None:
    """Days that are left, below zero when late; a refusal by its ground and law."""
    for case, days in (("I-1", 50), ("I-2", 10)):
        vault.subject_requests.receive(case, TODAY - timedelta(days=days), [case.encode()], NOW)
    vault.subject_requests.receive("I-3", TODAY, [b"3"], NOW)
    vault.subject_requests.put("I-3", RequestStep.REFUSED, {"ground": "unfounded", "reason": "r"}, NOW)
    out = StringIO()
    show_requests(Console(file=out, width=200), vault.subject_requests.all(), TODAY)
    said = out.getvalue()
    assert "-8" in said
    assert "32" in said
    assert "GDPR 12(5)" in said
    left = {one.case: request_json(one, TODAY)["daysLeft"] for one in vault.subject_requests.all()}
    assert left == {"I-1": -8, "I-2": 32, "I-3": None}


def test_identifiers_in_yaml_stay_as_they_are_written() -> None:
    """A leading zero, a date and a number are text; lists are several values; anything else is refused."""
    person = person_of(fields_of_yaml("bsn: 012345672\nbirth_date: 2001-01-31\nphones: [0612345678, '06 87654321']\n"))
    assert (person.bsn, person.birth_date, person.phones) == ("012345672", "2001-01-31", ("0612345678", "06 87654321"))
    for text in ("- a\n- b\n", "surname: {a: b}\n", "surname: !!python/object:os.system x\n: :\n", "x" * 70_000, "42"):
        with pytest.raises(InputError):
            person_of(fields_of_yaml(text))
