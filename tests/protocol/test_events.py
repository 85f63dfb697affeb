# SPDX-License-Identifier: EUPL-1.2
"""The closed list of events: what each can hold, its one form, and its commitment."""

import hashlib
import json
import re
from dataclasses import MISSING, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_type_hints
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import record_fields
from protocol.commitments import (
    LEAF_BYTES,
    commit,
    leaf_of,
    message_digest,
    open_entry,
    parse_opening,
    tag_digest,
    without_subject,
)
from protocol.encoding import canonical_json
from protocol.errors import Code, InputError
from protocol.events import (
    EVENTS,
    Act,
    Asked,
    CovenantRef,
    Event,
    HitOpened,
    NoticeIssued,
    RequestRefused,
    SignalRegistered,
    SignalsMatched,
    Subject,
    Words,
)
from protocol.ids import HitId, SignalId
from protocol.messages import KeyStatement, Opening, SetPoint, parse

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests/vectors/events.json").read_text())
SPEC = (ROOT / "protocol/spec/events.md").read_text()
OPERATIONS = {"collection", "alteration", "consultation", "disclosure", "combination", "erasure", "administration"}

COVENANT = CovenantRef(version="2026.1", sha256="ab" * 32)
REASON = "case-work"
WORDS = Words(text="Overleg over een lopende zaak.", case_reference="2026-0412")
ACT = Act(time=datetime(2026, 11, 21, 20, 0, tzinfo=UTC), covenant=COVENANT, agency="police-oost", person="p-7f3a91")
ASKED = Asked(epoch=3, basis="consent", grounds=("g",), key_kinds=("bsn",), days=30, informed="informed")
SIGNAL = SignalId(UUID("0197a1f0-7c00-7000-8000-000000000001"))

_SAMPLES = {
    record_fields.TIME: st.integers(0, 10**12).map(lambda ms: ACT.time + timedelta(milliseconds=ms)),
    record_fields.EPOCH: st.integers(0, 2**32 - 1),
    record_fields.HOLDER: st.integers(1, 9),
    record_fields.COUNT: st.integers(1, 2**53 - 1),
    record_fields.TEXT: st.text(st.characters(codec="utf-8"), min_size=1, max_size=500),
    record_fields.CASE: st.text(st.characters(codec="utf-8"), min_size=1, max_size=100),
    record_fields.DECISION: st.sampled_from(["allow", "deny"]),
    record_fields.URGENCY: st.sampled_from(["normal", "urgent"]),
    record_fields.LEVEL: st.sampled_from(["existence", "agency", "contact", "content"]),
    record_fields.QUALITY: st.sampled_from(["hit", "probable", "possible"]),
    record_fields.NOTICE_TYPE: st.sampled_from(["hit", "withdrawn", "late", "doubted", "disclosure", "acknowledged"]),
    record_fields.CHANGE: st.sampled_from(["withdrawn", "restricted"]),
    record_fields.YES_OR_NO: st.sampled_from(["yes", "no"]),
    record_fields.DECIDED: st.sampled_from(["approved", "granted", "refused"]),
    record_fields.FOLLOW_UP: st.sampled_from(["acknowledged", "contacted", "closed"]),
    record_fields.NUMBER: st.integers(0, 2**53 - 1),
    record_fields.DAYS: st.integers(-36_600, 36_600),
    record_fields.INFORMED: st.sampled_from(["informed", "deferred", "not-required"]),
    record_fields.MONTH: st.from_regex(r"[0-9]{4}-(0[1-9]|1[0-2])", fullmatch=True),
    record_fields.SCOPE: st.sampled_from(["own", "counterpart", "others"]),
    record_fields.LOG_PURPOSE: st.sampled_from(["lawfulness-check", "criminal-proceedings"]),
    record_fields.ERASURE_GROUND: st.sampled_from(["retention-over", "wrong-person"]),
    record_fields.UNUSUAL: st.sampled_from(["burst", "odd-hours", "one-person-many-subjects"]),
    record_fields.SLUG: st.from_regex(r"[a-z][a-z0-9-]{1,62}", fullmatch=True),
    record_fields.CODE: st.from_regex(r"[A-Za-z][A-Za-z0-9._:-]{0,63}", fullmatch=True),
    record_fields.KIND: st.from_regex(r"[a-z][a-z0-9-]{1,30}", fullmatch=True),
    record_fields.KEY_ID: st.from_regex(r"[a-z][a-z0-9-]{1,62}:[0-9]{1,4}", fullmatch=True),
    record_fields.REFERENCE: st.from_regex(r"[A-Za-z0-9._:~-]{1,128}", fullmatch=True),
    record_fields.RULE: st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", fullmatch=True),
    record_fields.VERSION: st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", fullmatch=True),
    record_fields.SHA256: st.binary(min_size=32, max_size=32).map(bytes.hex),
    record_fields.TRACE: st.binary(min_size=16, max_size=16).map(bytes.hex),
    record_fields.SPAN: st.binary(min_size=8, max_size=8).map(bytes.hex),
}


def _sample(kind: record_fields.Kind):
    if kind in _SAMPLES:
        return _SAMPLES[kind]
    if kind.name == "CovenantRef":
        return _values(CovenantRef)
    if kind.name == "Asked":
        return _values(Asked)
    inner = next(known for known in _SAMPLES if kind.name == f"list of {known.name}")
    return st.lists(_SAMPLES[inner], min_size=2, max_size=2).map(tuple)


def _values(owner: type, **given_: st.SearchStrategy):
    columns = {
        column.attribute: _sample(column.kind)
        if column.default is MISSING
        else st.just(column.default) | _sample(column.kind)
        for column in record_fields.layout_of(owner)
    }
    return st.builds(owner, **columns, **given_)


SUBJECTS = st.builds(
    Subject,
    signal_ids=st.lists(st.uuids().map(SignalId), max_size=3).map(tuple),
    hit_id=st.none() | st.uuids().map(HitId),
    tag_digests=st.lists(st.binary(min_size=32, max_size=32), max_size=3).map(tuple),
    words=st.none() | _values(Words),
)


def _events(kind: type[Event]):
    acts = _values(Act)
    if not kind.JUSTIFIED:
        return _values(kind, act=acts, subject=SUBJECTS)
    acts = acts.map(lambda act: replace(act, justification=REASON, person="p-1"))
    return _values(kind, act=acts, subject=SUBJECTS.map(lambda subject: replace(subject, words=WORDS)))


ANY = st.one_of([_events(kind) for kind in EVENTS.values()])
SALTS = st.binary(min_size=32, max_size=32)


@given(ANY, SALTS, SALTS)
def test_every_event_reads_back_from_the_wire(event, record_salt, subject_salt):
    """Any event, committed, sent as JSON and read back, is the same event with the same leaf."""
    committed = commit(event, record_salt, subject_salt)
    received = parse(Opening, committed.opening.to_json())
    assert parse_opening(received) == event
    assert leaf_of(received) == committed.leaf
    assert len(committed.leaf) == LEAF_BYTES


@given(ANY, SALTS, SALTS)
def test_the_record_never_names_a_subject(event, record_salt, subject_salt):
    """No signal id, hit id or tag digest of an event's subject part is anywhere in its record."""
    opening = commit(event, record_salt, subject_salt).opening
    record = canonical_json(opening.record).decode()
    subject = opening.subject
    for value in (*subject.get("signalIds", ()), *subject.get("tagDigests", ()), *filter(None, [subject.get("hitId")])):
        assert value not in record


def test_no_record_field_has_a_subjects_type():
    """By its type, no field of any record can hold a signal id, a hit id or bytes."""
    for kind in (Act, CovenantRef, *EVENTS.values()):
        for name, hint in get_type_hints(kind).items():
            if name not in ("subject", "TAG", "OPERATION", "JUSTIFIED"):
                assert not re.search("UUID|SignalId|HitId|bytes", str(hint)), f"{kind.__name__}.{name}"


def test_the_leaf_is_the_specified_bytes():
    """A leaf is 0x01 and both salted, labelled SHA-256 over canonical JSON."""
    event = RequestRefused(act=ACT, subject=Subject(signal_ids=(SIGNAL,)), code="policy_refused", rule="default-deny")
    committed = commit(event, b"r" * 32, b"s" * 32)
    record = canonical_json(committed.opening.record)
    subject = canonical_json({"signalIds": [str(SIGNAL)]})
    assert committed.leaf == (
        b"\x01"
        + hashlib.sha256(b"sluis/v1/record" + b"r" * 32 + record).digest()
        + hashlib.sha256(b"sluis/v1/subject" + b"s" * 32 + subject).digest()
    )


@pytest.mark.parametrize("case", VECTORS["events"], ids=lambda case: case["name"])
def test_vectors(case):
    """Every event of the vectors reads as its class and has the leaf that is written there."""
    opening = parse(Opening, json.dumps(case["opening"]).encode())
    event = parse_opening(opening)
    assert type(event).__name__ == case["name"]
    assert leaf_of(opening).hex() == case["leaf"]
    assert commit(event, opening.record_salt, opening.subject_salt).opening == opening


def test_vectors_cover_every_event():
    """There is a vector for each event of the closed list."""
    assert {case["name"] for case in VECTORS["events"]} == {kind.__name__ for kind in EVENTS.values()}


def _opening(case: dict, **changed) -> Opening:
    return parse(Opening, json.dumps(case["opening"] | changed).encode())


NOTICE = next(case for case in VECTORS["events"] if case["name"] == "NoticeIssued")


@pytest.mark.parametrize(
    "change",
    [
        {"event": 99},
        {"event": 0},
        {"event": "8"},
        {"event": True},
        {"event": 8.0},
        {"event": 3},
        {"event": None},
        {"operation": "erasure"},
        {"signalIds": [str(SIGNAL)]},
        {"unknown": 1},
        {"noticeSeq": 0},
        {"noticeSeq": 1.0},
        {"noticeSeq": True},
        {"noticeSeq": 2**53},
        {"noticeType": "rumour"},
        {"level": None},
        {"kinds": []},
        {"kinds": "phone"},
        {"kinds": ["phone", "PHONE"]},
        {"kinds": ["phone"] * 300},
        {"time": "2026-11-21T20:00:00Z"},
        {"time": "2026-11-21T21:00:00.000+01:00"},
        {"time": 5},
        {"covenant": {"version": "2026.1"}},
        {"covenant": {"version": "2026.1", "sha256": "AB" * 32}},
        {"covenant": {"version": "2026.1", "sha256": "ab" * 32, "more": 1}},
        {"covenant": "2026.1"},
        {"recipient": "Care Noord"},
        {"agency": "x" * 64},
        {"person": "jan.jansen@politie.example"},
        {"policyIds": [[]]},
        {"policyIds": [{}]},
        {"decision": "maybe"},
        {"justification": "two words"},
        {"justification": {"code": "c", "text": "x", "caseReference": "1"}},
        {"traceId": "00"},
    ],
    ids=str,
)
def test_records_that_no_event_has(change):
    """An unknown tag or field, a missing one, another form of the same value, or a wrong value is refused."""
    with pytest.raises(InputError) as caught:
        parse_opening(_opening(NOTICE, record=NOTICE["opening"]["record"] | change))
    assert caught.value.code is Code.MALFORMED


@pytest.mark.parametrize("lost", ["event", "operation", "time", "covenant", "noticeSeq", "noticeType"])
def test_records_that_lack_a_field(lost):
    """A record without one of the fields that its event always has is refused."""
    record = {name: value for name, value in NOTICE["opening"]["record"].items() if name != lost}
    with pytest.raises(InputError):
        leaf_of(_opening(NOTICE, record=record))


@pytest.mark.parametrize(
    "subject",
    [
        {"unknown": 1},
        {"signalIds": []},
        {"signalIds": None},
        {"signalIds": str(SIGNAL)},
        {"signalIds": [str(SIGNAL).upper()]},
        {"signalIds": [1]},
        {"signalIds": [str(SIGNAL)] * 1_001},
        {"hitId": None},
        {"hitId": 5},
        {"hitId": "x"},
        {"tagDigests": ["AAAA"]},
        {"tagDigests": {}},
        {"words": None},
        {"words": {"text": "", "caseReference": "1"}},
        {"words": {"text": "x" * 501, "caseReference": "1"}},
        {"words": {"text": "x"}},
    ],
    ids=lambda subject: str(subject)[:60],
)
def test_subjects_that_no_event_has(subject):
    """A subject part with an unknown field, an empty list, or an id in another form is refused."""
    with pytest.raises(InputError):
        parse_opening(_opening(NOTICE, subject=subject))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["event", "time", "kinds", "covenant", "level", "justification", "x"]), JSON, JSON)
def test_hostile_openings_never_crash(name, value, subject):
    """Whatever JSON stands in an opening, it is read as an event or refused as malformed."""
    record = NOTICE["opening"]["record"] | {name: value}
    bad = subject if isinstance(subject, dict) else {"signalIds": subject}
    opening = Opening(record=record, record_salt=bytes(32), subject=bad, subject_salt=bytes(32))
    try:
        event = parse_opening(opening)
    except InputError:
        return
    assert commit(event, bytes(32), bytes(32)).opening == opening


def test_deep_nesting_is_refused():
    """A record nested far deeper than any event is refused, not a crash."""
    deep: list = []
    for _ in range(50_000):
        deep = [deep]
    opening = Opening.model_construct(
        record=NOTICE["opening"]["record"] | {"kinds": deep}, subject={}, record_salt=bytes(32), subject_salt=bytes(32)
    )
    with pytest.raises(InputError):
        leaf_of(opening)


def test_a_consultation_names_who_and_why():
    """An opened hit without a reason, or without person and system, cannot exist (LED art. 25)."""
    HitOpened(act=replace(ACT, justification=REASON))
    HitOpened(act=replace(ACT, justification=REASON, person=None, system="zaaksysteem"))
    for act in (ACT, replace(ACT, justification=REASON, person=None)):
        with pytest.raises(InputError):
            HitOpened(act=act)
    with pytest.raises(InputError):
        commit(HitOpened(act=replace(ACT, justification=REASON)), bytes(32), bytes(32))


def test_no_field_of_a_record_holds_free_words():
    """Every text in a record is a code, a name or a reference without spaces; words stand in the erasable part."""
    for kind in (Act, CovenantRef, Asked, *EVENTS.values()):
        for column in record_fields.layout_of(kind):
            assert column.kind not in (record_fields.TEXT, record_fields.CASE), f"{kind.__name__}.{column.name}"
    for spoken in ("Jan Jansen", "geboren 1-1-2001", "Kerkstraat 5"):
        with pytest.raises(InputError):
            replace(ACT, justification=spoken)


@given(ANY, SALTS, SALTS)
def test_an_erased_subject_part_leaves_record_and_leaf(event, record_salt, subject_salt):
    """Without its subject part an opening still opens the same leaf, says the same, and is told to be erased."""
    committed = commit(event, record_salt, subject_salt)
    left = parse(Opening, without_subject(committed.opening).to_json())
    opened = open_entry(left)
    assert (opened.leaf, opened.erased) == (committed.leaf, True)
    assert opened.event == replace(event, subject=Subject())
    assert open_entry(committed.opening).event == event
    with pytest.raises(InputError):
        leaf_of(left)
    assert open_entry(left.model_copy(update={"subject_hash": bytes(32)})).leaf != committed.leaf


def test_events_are_valid_when_they_exist():
    """An event with a value that its field cannot hold cannot be made, nor one outside the closed list committed."""
    for make in (
        lambda: replace(ACT, time=ACT.time + timedelta(microseconds=1)),
        lambda: replace(ACT, time=datetime(2026, 1, 1)),  # noqa: DTZ001 - a moment without a zone is the point
        lambda: replace(ACT, covenant=WORDS),
        lambda: NoticeIssued(act=ACT, notice_seq=0, notice_type="hit"),
        lambda: NoticeIssued(act=ACT, notice_seq=1, notice_type="hit", kinds=["phone"]),
        lambda: NoticeIssued(act=ACT, notice_seq=1, notice_type=None),
        lambda: SignalsMatched(act=ACT, quality="hit", kinds=(), agencies=("a-one", "b-two")),
        lambda: SignalsMatched(act=ACT, quality="hit", kinds=("phone",), agencies=("a-one",)),
        lambda: Subject(tag_digests=(b"short",)),
        lambda: Subject(signal_ids=("text",)),
        lambda: Subject(words="text"),
        lambda: SignalRegistered(
            act=ACT, asked=replace(ASKED, epoch=2**32), urgency="normal", request_digest="0" * 64, request_key_id="a:1"
        ),
    ):
        with pytest.raises(InputError):
            make()
    with pytest.raises(ValueError, match="closed list"):
        commit(Event(act=ACT), bytes(32), bytes(32))


def test_salts_hide_what_a_leaf_says():
    """The same event under other salts has a leaf that shares nothing but the version byte."""
    event = RequestRefused(act=ACT, code="policy_refused")
    one, two = commit(event, b"a" * 32, b"b" * 32).leaf, commit(event, b"c" * 32, b"d" * 32).leaf
    assert one[:1] == two[:1] == b"\x01"
    assert one[1:33] != two[1:33]
    assert one[33:] != two[33:]


def test_digests():
    """Tag and message digests are the specified hashes."""
    assert tag_digest(b"t" * 32) == hashlib.sha256(b"sluis/v1/tag-digest" + b"t" * 32).digest()
    statement = KeyStatement(
        holder=1, threshold=2, holders=3, purpose="p-one", epoch=0, points=(SetPoint(members=(1, 2), point=b"p" * 32),)
    )
    plain = json.loads(statement.to_json())
    assert message_digest(statement) == hashlib.sha256(canonical_json(plain)).hexdigest()


def test_the_list_is_in_order_and_names_its_operations():
    """Tags rise, every class has its own, and every operation is the law's or administration."""
    assert list(EVENTS) == sorted(EVENTS)
    assert {kind.OPERATION for kind in EVENTS.values()} <= OPERATIONS
    assert {kind.__name__ for kind in EVENTS.values()} == {kind.__name__ for kind in Event.__subclasses__()}
    for kind in EVENTS.values():
        assert record_fields.names_of(kind).isdisjoint(record_fields.names_of(Act) | {"event", "operation"})


def test_the_spec_page_lists_every_event_and_field():
    """The spec page's tables are the code's: tag, name, operation and fields of each event, and of the act."""
    for tag, kind in EVENTS.items():
        listed = ", ".join(f"`{column.name}`: {column.kind.name}" for column in record_fields.layout_of(kind)) or "none"
        assert f"| {tag} | `{kind.__name__}` | {kind.OPERATION} | {listed} |" in SPEC
    for kind in (Act, Asked, CovenantRef, Words):
        for column in record_fields.layout_of(kind):
            assert f"| `{column.name}` | {column.kind.name} |" in SPEC
    assert len(re.findall(r"^\| \d+ \|", SPEC, re.MULTILINE)) == len(EVENTS)
