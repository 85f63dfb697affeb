# SPDX-License-Identifier: EUPL-1.2
"""A system gives, asks back and withdraws its records over HTTP, and each request said again is the same."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agency_client.api.messages import MAX_RECORDS
from agency_client.connectors.repairing import Repairing
from agency_client.states import SignalState
from agency_client.vault.systems import Scope
from tests.fakes.local_api import PERSON, Caller


def states(caller: Caller, reference: str = "Z-1") -> list[SignalState]:
    """Return the states of a record's signals, newest first."""
    return [kept.state for kept in caller.agency.session.vault.signals.find(reference)]


async def test_a_record_given_again_is_the_same_answer(caller: Caller) -> None:
    """The first time it is new, then known; a change is a change, and nothing is doubled."""
    results = [(await caller.put()).json()["result"] for _ in range(3)]
    assert results == ["new", "known", "known"]
    assert (await caller.put(given_names="Annelies")).json() == {
        "reference": "Z-1",
        "result": "changed",
        "errors": [],
    }
    found = (await caller.call("GET", "/records/Z-1")).json()
    assert (found["state"], [one["state"] for one in found["signals"]]) == ("live", ["new"])
    assert "Annelies" not in (await caller.call("GET", "/records/Z-1")).text


async def test_a_changed_record_corrects_the_signal_that_stands(caller: Caller) -> None:
    """After it was sent a change makes a signal that supersedes the first, which is withdrawn."""
    await caller.put()
    assert await caller.agency.client.send() is None
    await caller.put(given_names="Annelies")
    assert await caller.agency.client.send() is None
    assert states(caller) == [SignalState.ACCEPTED, SignalState.WITHDRAWN]


async def test_a_record_is_withdrawn_and_may_come_back(caller: Caller) -> None:
    """Deleting withdraws, again is the same, and the same record given later is a new signal."""
    await caller.put()
    assert await caller.agency.client.send() is None
    answers = [await caller.call("DELETE", "/records/Z-1") for _ in range(2)]
    assert [(one.status_code, one.json()["state"]) for one in answers] == [(200, "withdrawing")] * 2
    assert caller.agency.session.vault.outbox.count_open() == 1
    assert await caller.agency.client.send() is None
    assert states(caller) == [SignalState.WITHDRAWN]
    assert (await caller.put()).json()["result"] == "new"
    assert (await caller.call("DELETE", "/records/never-given")).status_code == 404


async def test_a_batch_has_a_result_a_record(caller: Caller) -> None:
    """One bad record does not keep the others out, and its place, field and quarantine number are told."""
    records = [
        {"reference": "Z-1", "fields": PERSON},
        {"reference": "Z-2", "fields": {**PERSON, "birth_date": "2001-13-31", "given_names": ""}},
        {"reference": "Z-3", "fields": {**PERSON, "bsn": "123456789", "phones": ["06-12345678", "0612345678"]}},
        {"reference": "Z-1", "fields": PERSON},
    ]
    answer = (await caller.call("POST", "/records", {"records": records})).json()["results"]
    assert [one["result"] for one in answer] == ["new", "quarantined", "new", "known"]
    assert "subject.birth_date" in {one["location"] for one in answer[1]["errors"]}
    assert [(one["location"], one["code"]) for one in answer[2]["errors"]] == [("subject.bsn", "bad-check-digit")]
    assert answer[1]["quarantine"] != answer[2]["quarantine"]
    assert (await caller.call("GET", "/records/Z-2")).json()["state"] == "quarantined"


async def test_a_record_that_cannot_be_used_is_refused_with_its_number(caller: Caller) -> None:
    """A problem with a stable code says which fields, and under which number it waits; the same again is the same."""
    answers = [await caller.put(birth_date="nooit", given_names="", surname="") for _ in range(2)]
    problems = [one.json() for one in answers]
    assert [one.status_code for one in answers] == [400, 400]
    assert problems[0]["code"] == "record_unusable"
    assert problems[0]["quarantine"] == problems[1]["quarantine"]
    assert "nooit" not in answers[0].text
    repairing = Repairing(caller.agency.session)
    number = problems[0]["quarantine"]
    done = repairing.repair(number, {"birth_date": "2001-01-31", "given_names": "Anna", "surname": "Berg"}, "person")
    assert done.done
    assert states(caller) == [SignalState.NEW]
    assert (await caller.call("GET", "/records/Z-1")).json()["state"] == "live"


async def test_a_system_has_its_own_mapping(caller: Caller) -> None:
    """With a mapping file the fields go by the system's own names, and constants fill the rest."""
    (caller.agency.connectors / "zaken.mapping.yaml").write_text(
        "columns: {voornaam: given_names, naam: surname, geboren: birth_date, nr: reference}\n"
        "constants: {purpose: offender-prevention, grounds: early-offences, basis: legal-duty}\n"
    )
    body = {"fields": {"voornaam": "Anna", "naam": "Berg", "geboren": "2001-01-31", "nr": "not-this", "meer": 1}}
    assert (await caller.call("PUT", "/records/Z-9", body)).json()["result"] == "new"
    assert states(caller, "not-this") == []
    assert states(caller, "Z-9") == [SignalState.NEW]


async def test_systems_see_and_change_their_own_records_only(caller: Caller) -> None:
    """To another system a record is not there, and it cannot be taken over."""
    other = caller.another("other")
    await caller.put()
    assert (await other.call("GET", "/records/Z-1")).status_code == 404
    assert (await other.call("DELETE", "/records/Z-1")).status_code == 404
    assert (await other.put()).json()["code"] == "conflict"
    batch = await other.call("POST", "/records", {"records": [{"reference": "Z-1", "fields": PERSON}]})
    assert batch.json()["results"][0]["result"] == "refused"
    assert states(caller) == [SignalState.NEW]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"Authorization": ""}, "token_missing"),
        ({"Authorization": "Basic YTpi"}, "token_missing"),
        ({"Authorization": "Bearer "}, "token_invalid"),
        ({"Authorization": "Bearer sluis_zaken.AAAA"}, "token_invalid"),
        ({"Authorization": "Bearer sluis_nobody.AAAA"}, "token_invalid"),
        ({"Authorization": "Bearer " + "x" * 5_000}, "token_invalid"),
    ],
)
async def test_without_its_token_nobody_gets_in(caller: Caller, header: dict[str, str], code: str) -> None:
    """A missing or wrong token is one answer, which says how to come in and nothing of what is there."""
    answer = await caller.call("GET", "/records/Z-1", headers=header)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_revoked_token_and_a_narrow_one_are_refused(caller: Caller) -> None:
    """A token ends at once when it is revoked; one without a right is told which it lacks."""
    narrow = caller.another("narrow", Scope.RECORDS)
    refused = await narrow.call("GET", "/hits")
    assert (refused.status_code, refused.json()["code"]) == (403, "policy_refused")
    caller.agency.session.vault.systems.revoke("narrow", caller.agency.hands())
    assert (await narrow.put()).json()["code"] == "token_invalid"
    for path in caller.agency.session.home.folder.glob("vault.db*"):
        assert caller.token.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "reference",
    ["123456782", "0612345678", "06-12345678", "31612345678", "a%40b.nl", "a b", "-x", "x" * 65, "Z%2F1", "%00"],
)
async def test_no_reference_is_an_identifier_of_a_person(caller: Caller, reference: str) -> None:
    """What passes the eleven-test, is a phone number, or has other signs is refused, and not repeated."""
    answer = await caller.put(reference)
    assert answer.status_code in (400, 404)
    assert reference not in answer.text
    body = {"records": [{"reference": reference, "fields": PERSON}]}
    assert (await caller.call("POST", "/records", body)).status_code == 400


async def test_what_is_too_much_is_refused(caller: Caller) -> None:
    """A batch above the limit, a body above the limit, and another type of body are told as such."""
    one = {"reference": "Z-1", "fields": PERSON}
    assert (await caller.call("POST", "/records", {"records": [one] * (MAX_RECORDS + 1)})).status_code == 400
    large = {"fields": {f"f{number}": "x" * 8_000 for number in range(200)}}
    assert (await caller.call("PUT", "/records/Z-1", large)).status_code == 413
    text = await caller.http.put(
        "/v1/records/Z-1",
        content="{}",
        headers={"Authorization": f"Bearer {caller.token}", "Content-Type": "text/plain"},
    )
    assert text.status_code == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(
    st.sampled_from([*PERSON, "phones", "emails", "bsn", "handles.instagram", "unknown", "", "\x00"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.lists(st.text(max_size=9)),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JSON | st.fixed_dictionaries({"fields": FIELDS}), batch=st.booleans())
async def test_whatever_is_sent_is_answered_in_the_agreed_form(caller: Caller, body: Any, batch: bool) -> None:
    """No body makes an error of ours: it is taken, or refused with a problem that has a code."""
    import json

    content = json.dumps({"records": [{"reference": "F-1", **body}]} if batch and isinstance(body, Mapping) else body)
    method, path = ("POST", "/v1/records") if batch else ("PUT", "/v1/records/F-1")
    headers = {"Authorization": f"Bearer {caller.token}", "Content-Type": "application/json"}
    answer = await caller.http.request(method, path, content=content, headers=headers)
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] in {"malformed", "record_unusable"}


async def test_the_document_describes_every_route_with_its_token(caller: Caller) -> None:
    """Every route stands in the OpenAPI document with security, problems, and names in camel case."""
    found = (await caller.http.get("/v1/openapi.json")).json()
    assert set(found["paths"]) == {
        "/records",
        "/records/{ref}",
        "/hits",
        "/hits/{hit_id}",
        "/hits/{hit_id}/outcome",
    }
    operations = [one for item in found["paths"].values() for one in item.values()]
    assert len(operations) == 7
    for one in operations:
        assert one["security"] == [{"bearer": []}]
        assert {"200", "400", "401", "403"} <= set(one["responses"])
    assert found["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    names = {name for schema in found["components"]["schemas"].values() for name in schema.get("properties", {})}
    assert not [name for name in names if "_" in name]
