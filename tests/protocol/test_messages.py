# SPDX-License-Identifier: EUPL-1.2
"""Messages: the same after the wire, and nothing but the agreed form."""

import inspect
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages
from protocol.encoding import b64url, format_time
from protocol.errors import Code, InputError
from protocol.messages import (
    MAX_ELEMENTS,
    MAX_ISSUES,
    MAX_KEYS,
    MAX_SIGNALS,
    EvaluationRequest,
    Message,
    Problem,
    PushRequest,
    QueryAnswer,
    QueryRequest,
    Signal,
    as_uuid,
    parse,
    utc,
)
from protocol.notices import NoticePage

ID = "0190f0c0-0000-7000-8000-000000000001"
POINT = b64url(bytes(32))
WRAP = b64url(bytes(72))
SIGNAL: dict[str, Any] = {
    "id": ID,
    "purpose": "victim-protection",
    "epoch": 3,
    "grounds": ["early-offences"],
    "basis": "legal-duty",
    "caseToken": POINT,
    "keys": [{"kind": "phone", "role": "subject", "tag": POINT, "wraps": {"contact": WRAP}}],
    "parts": [{"name": "contact", "ciphertext": b64url(bytes(296))}],
    "expiresAt": "2027-01-01T00:00:00.000Z",
    "informed": {"status": "deferred", "reviewOn": "2026-12-01"},
    "keyId": "police-oost:1",
    "signature": b64url(bytes(64)),
}
KINDS = [
    value
    for value in vars(messages).values()
    if inspect.isclass(value) and issubclass(value, Message) and value is not Message
]


def read(kind: type[messages.M], value: Any) -> messages.M:
    """Return the message that this JSON value is."""
    return parse(kind, json.dumps(value).encode())


def refusal(kind: type[Message], value: Any) -> InputError:
    """Return the error with which this JSON value is refused."""
    with pytest.raises(InputError) as caught:
        read(kind, value)
    assert caught.value.code is Code.MALFORMED
    return caught.value


def places(error: InputError) -> list[str]:
    """Return the wrong places."""
    return [issue.location for issue in error.issues]


def test_a_signal_survives_the_wire() -> None:
    """A message written and read again is the same message, and the same bytes."""
    signal = read(Signal, SIGNAL)
    assert parse(Signal, signal.to_json()) == signal
    assert json.loads(signal.to_json()) == {**SIGNAL, "urgency": "normal"}


@settings(max_examples=50)
@given(
    st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=20),
    st.sets(st.integers(1, 9), min_size=1),
    st.integers(0, 2**32 - 1),
)
def test_every_evaluation_request_survives_the_wire(elements: list[bytes], quorum: set[int], epoch: int) -> None:
    """Whatever the points, the quorum and the epoch, what is read is what was written."""
    value = {
        "purpose": "victim-protection",
        "epoch": epoch,
        "quorum": sorted(quorum),
        "elements": [b64url(element) for element in elements],
    }
    request = read(EvaluationRequest, value)
    assert request.elements == tuple(elements)
    assert json.loads(request.to_json()) == value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_refuses_what_it_does_not_know(kind: type[Message]) -> None:
    """An unknown field is refused in every message, by its place."""
    assert "surprise" in places(refusal(kind, {"surprise": 1}))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_is_frozen_and_bounded(kind: type[Message]) -> None:
    """No message can be changed once made, and every list, map and string from outside has an upper bound."""
    assert kind.model_config["frozen"]
    assert kind.model_config["extra"] == "forbid"
    if kind in {Problem, messages.ProblemIssue}:
        return  # Read only through edge/problems.py, which bounds the whole document.
    schema = kind.model_json_schema()
    for owner in [schema, *schema.get("$defs", {}).values()]:
        for name, form in owner.get("properties", {}).items():
            for one in form.get("anyOf", [form]):
                assert _bounded(one), (owner.get("title"), name)


def _bounded(form: dict[str, Any]) -> bool:
    if form.get("type") == "array":
        return "maxItems" in form
    if form.get("type") == "object":
        # An opening's parts are checked field by field in events.py.
        return "maxProperties" in form or form.get("additionalProperties") is True
    if form.get("type") == "string":
        return bool({"enum", "const", "maxLength", "pattern", "format"} & set(form))
    return True


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("id", "0190f0c0-0000-4000-8000-000000000001"),
        ("id", "nonsense"),
        ("purpose", "Victim"),
        ("purpose", "x" * 64),
        ("epoch", -1),
        ("epoch", 2**32),
        ("epoch", "3"),
        ("epoch", 3.0),
        ("epoch", True),
        ("grounds", []),
        ("grounds", ["a"] * 11),
        ("caseToken", b64url(bytes(31))),
        ("caseToken", POINT + "="),
        ("caseToken", POINT[:-1] + "B"),
        ("caseToken", 7),
        ("keys", []),
        ("expiresAt", "2027-01-01T00:00:00"),
        ("informed", {"status": "perhaps"}),
        ("keyId", "police-oost"),
        ("signature", b64url(bytes(63))),
        ("urgency", "very"),
        ("parts", [SIGNAL["parts"][0]] * 2),
        ("keys", SIGNAL["keys"] * 2),
        ("parts", []),
        ("basis", None),
    ],
)
def test_a_signal_with_one_thing_wrong(place: str, value: Any) -> None:
    """Every field has its form and its bounds, and no value is taken for another type."""
    refusal(Signal, {**SIGNAL, place: value})


def test_every_wrong_place_is_named_at_once() -> None:
    """One answer names all wrong places as paths, at most a hundred, and repeats no value."""
    good = SIGNAL["keys"][0]
    wrong = {**SIGNAL, "epoch": "planted", "keys": [{**good, "tag": "planted", "kind": "PLANTED"}, good]}
    error = refusal(PushRequest, {"signals": [SIGNAL, wrong]})
    assert places(error) == ["signals[1].epoch", "signals[1].keys[0].kind", "signals[1].keys[0].tag"]
    assert "planted" not in repr([error.detail, error.hint, error.issues]).lower()
    many = refusal(EvaluationRequest, {"purpose": "x", "epoch": 0, "quorum": [1], "elements": [""] * 200})
    assert len(many.issues) == MAX_ISSUES


def test_a_batch_has_distinct_ids_and_a_limit() -> None:
    """A signal id twice in one push, no signals, or more than agreed are refused."""
    refusal(PushRequest, {"signals": [SIGNAL, SIGNAL]})
    refusal(PushRequest, {"signals": []})
    many = [{**SIGNAL, "id": f"0190f0c0-0000-7000-8000-{number:012x}"} for number in range(MAX_SIGNALS + 1)]
    refusal(PushRequest, {"signals": many})
    assert len(read(PushRequest, {"signals": many[:2]}).signals) == 2


def test_keys_and_elements_have_a_limit() -> None:
    """One key or point more than agreed is refused."""
    key = SIGNAL["keys"][0]
    keys = [{**key, "tag": b64url(number.to_bytes(32, "big"))} for number in range(MAX_KEYS + 1)]
    refusal(Signal, {**SIGNAL, "keys": keys})
    assert len(read(Signal, {**SIGNAL, "keys": keys[:-1]}).keys) == MAX_KEYS
    asked = {"purpose": "victim-protection", "epoch": 0, "quorum": [1, 2]}
    refusal(EvaluationRequest, {**asked, "elements": [POINT] * (MAX_ELEMENTS + 1)})
    assert len(read(EvaluationRequest, {**asked, "elements": [POINT] * MAX_ELEMENTS}).elements) == MAX_ELEMENTS


@pytest.mark.parametrize("quorum", [[2, 1], [1, 1], [], [0], [10], [1.5]])
def test_a_quorum_is_ascending(quorum: list[int]) -> None:
    """A quorum has each key-holder once, in order, so that both sides read the same one."""
    refusal(EvaluationRequest, {"purpose": "victim-protection", "epoch": 0, "quorum": quorum, "elements": [POINT]})


def test_a_key_wraps_all_parts_or_none() -> None:
    """A key that wraps another part than the signal has, or only some of them, is refused; one without wraps is not."""
    key = SIGNAL["keys"][0]
    for wraps in ({"content": WRAP}, {"contact": WRAP, "content": WRAP}, {"contact": b64url(bytes(71))}):
        refusal(Signal, {**SIGNAL, "keys": [{**key, "wraps": wraps}]})
    both = [{"name": name, "ciphertext": b64url(bytes(296))} for name in ("contact", "content")]
    refusal(Signal, {**SIGNAL, "parts": both})
    bare = {**key, "tag": b64url(bytes(31) + b"1"), "wraps": {}}
    assert read(Signal, {**SIGNAL, "keys": [key, bare]}).keys[1].wraps == {}


def test_a_part_that_no_key_opens_is_refused() -> None:
    """A signal whose keys all carry no wraps has no parts either."""
    key = {**SIGNAL["keys"][0], "wraps": {}}
    refusal(Signal, {**SIGNAL, "keys": [key]})
    assert read(Signal, {**SIGNAL, "keys": [key], "parts": []}).parts == ()


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"signals":NaN}', b"[" * 100_000])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """Whatever arrives, the answer is a refusal and never another error."""
    with pytest.raises(InputError):
        parse(PushRequest, body)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    """Random bytes are refused as malformed."""
    with pytest.raises(InputError):
        parse(PushRequest, body)


def test_snake_case_is_not_on_the_wire() -> None:
    """What is written uses camelCase throughout."""
    assert "_" not in json.dumps(list(json.loads(read(Signal, SIGNAL).to_json())))


def test_notices_are_told_apart_by_type() -> None:
    """A notice of an unknown type is refused."""
    assert places(refusal(NoticePage, {"notices": [{"type": "surprise"}]})) == ["notices[0]"]


@pytest.mark.parametrize("text", ["", "x", ID.upper(), "{" + ID + "}", ID.replace("-", ""), "urn:uuid:" + ID])
def test_a_uuid_has_one_form(text: str) -> None:
    """A UUID in a path is read in its canonical form only."""
    with pytest.raises(InputError):
        as_uuid(text)
    assert as_uuid(ID) == UUID(ID)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_cut_to_what_travels(moment: datetime) -> None:
    """A moment cut to milliseconds is the one that comes back from the wire, and never later than it was."""
    cut = utc(moment)
    assert timedelta(0) <= moment - cut < timedelta(milliseconds=1)
    assert format_time(cut) == format_time(moment)


def test_times_are_written_in_utc() -> None:
    """A time of another zone is written as the same moment in UTC with milliseconds."""
    local = datetime(2027, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=1)))
    signal = read(Signal, SIGNAL).model_copy(update={"expires_at": local})
    assert json.loads(signal.to_json())["expiresAt"] == "2027-01-01T00:00:00.000Z"


QUERY: dict[str, Any] = {
    "purpose": "criminal-investigation",
    "epoch": 3,
    "justification": {"code": "own-case", "text": "Zorgen", "caseReference": "Z-1"},
    "keys": [{"kind": "phone", "role": "subject", "tag": POINT}],
}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("justification", None),
        ("justification", {"code": "own-case", "text": "", "caseReference": "Z-1"}),
        ("justification", {"code": "own-case", "text": "Zorgen"}),
        ("keys", []),
        ("keys", QUERY["keys"] * 2),
        ("keys", [{**QUERY["keys"][0], "tag": b64url(n.to_bytes(32, "big"))} for n in range(MAX_KEYS + 1)]),
        ("keys", [{**QUERY["keys"][0], "wraps": {}}]),
        ("purpose", "Not A Purpose"),
        ("epoch", "3"),
        ("caseToken", POINT),
    ],
)
def test_a_question_with_one_thing_wrong(place: str, value: Any) -> None:
    """A question has a reason, a case and distinct keys within their bound, and nothing that a signal has beside."""
    assert read(QueryRequest, QUERY).keys[0].role == "subject"
    refusal(QueryRequest, {**QUERY, place: value})


def test_a_tag_may_be_asked_of_both_roles() -> None:
    """One value can be asked as the subject's and as an associate's."""
    both = [{**QUERY["keys"][0], "role": role} for role in ("subject", "associate")]
    assert len(read(QueryRequest, {**QUERY, "keys": both}).keys) == 2


def test_an_answer_always_has_its_proof() -> None:
    """Without evidence or without its checkpoint an answer cannot be read."""
    evidence = {
        "index": 0,
        "opening": {"record": {}, "recordSalt": POINT, "subject": {}, "subjectSalt": POINT},
        "proof": [],
    }
    whole = {"matches": [], "evidence": evidence, "checkpoint": "note"}
    assert read(QueryAnswer, whole).matches == ()
    for lacking in whole:
        refusal(QueryAnswer, {name: value for name, value in whole.items() if name != lacking})
