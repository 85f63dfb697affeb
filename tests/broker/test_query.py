# SPDX-License-Identifier: EUPL-1.2
"""The pure steps of a question: what there is to tell, to whom, in which order, and what is written of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest

from broker import query
from broker.facts import NoticeAdded
from broker.interfaces import SealedSignal, Shared, SharedKey, StoredSignal
from broker.recording import Recorder
from protocol.agreed import Agreed
from protocol.commitments import tag_digest
from protocol.events import NoticeIssued, QueryAnswered, SignalsMatched
from protocol.ids import Epoch, KeyId, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import MAX_MATCHES, Justification, QueryKey, QueryRequest, Role, SealedPart
from protocol.signing import Verified
from tests.fakes.covenants import make_covenant

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
PURPOSE = PurposeId("offender-prevention")
POLICE, CARE, PROSECUTION = (PartyId(name) for name in ("police-oost", "care-linde", "prosecution-oost"))
EPOCH = Epoch(3)


@pytest.fixture(scope="module")
def agreed() -> Agreed:
    """Return the covenant ready for use."""
    return Agreed.of(make_covenant(now=NOW).covenant)


def signal(number: int, agency: PartyId = CARE, *, case: str | None = None) -> StoredSignal:
    """Return a live signal; a higher number is newer."""
    return StoredSignal(
        id=SignalId(UUID(int=number)),
        agency=agency,
        purpose=PURPOSE,
        epoch=EPOCH,
        case_token=(case or str(number)).encode().ljust(32),
        urgency="normal",
        expires_at=NOW + timedelta(days=1),
        digest=b"",
        state="live",
        event_id=uuid4(),
        ended_event_id=None,
        told=agency,
    )


def shared(*pairs: tuple[StoredSignal, str], roles: tuple[Role, Role] = ("subject", "subject")) -> Shared:
    """Return what a question has in common with signals: a signal and a kind each."""
    keys = tuple(
        SharedKey(one.id, (KeyKind(kind), *roles), {"contact": b"c" * 72, "content": b"t" * 72}) for one, kind in pairs
    )
    return Shared(keys, {one.id: one for one, _ in pairs})


def planned(agreed: Agreed, found: Shared, asker: PartyId = POLICE) -> tuple[query.Match, ...]:
    """Return the plan of the police's question."""
    return query.plan(found, asker, agreed.covenant.purpose(PURPOSE), agreed.engine, NOW)


def asked(*tags: bytes) -> QueryRequest:
    """Return a question by phones."""
    return QueryRequest(
        purpose=PURPOSE,
        epoch=EPOCH,
        justification=Justification(code="own-case", text="Zorgen", case_reference="Z-1"),
        keys=tuple(QueryKey(kind=KeyKind("phone"), role="subject", tag=tag) for tag in tags),
    )


def by() -> Verified:
    """Return who asks."""
    digest = sha256(b"").digest()
    return Verified(POLICE, KeyId("police-oost:1"), "n" * 22, NOW, NOW, "0" * 32, None, None, digest, b"", b"")


def test_the_surest_come_first_and_newest_among_equals(agreed: Agreed) -> None:
    """A hit stands before a probable match, and of equal ones the newest first."""
    one, two, three = signal(1), signal(2), signal(3)
    found = planned(agreed, shared((one, "phone"), (two, "name-dob"), (three, "phone")))
    assert [match.signal.id.int for match in found] == [3, 1, 2]
    assert [match.quality for match in found] == ["hit", "hit", "probable"]


def test_a_case_is_told_by_its_best_signal(agreed: Agreed) -> None:
    """Two signals of one case are one match; the same case token at another agency is another case."""
    best, other = signal(1, case="A"), signal(2, case="A")
    elsewhere = signal(3, PROSECUTION, case="A")
    found = planned(agreed, shared((best, "phone"), (other, "name-dob"), (elsewhere, "phone")))
    assert {match.signal.id for match in found} == {best.id, elsewhere.id}


def test_an_answer_has_a_bound(agreed: Agreed) -> None:
    """At most so many are told, and those are the surest."""
    many = [(signal(number), "name-dob") for number in range(1, MAX_MATCHES + 10)]
    found = planned(agreed, shared(*many, (signal(9_999), "phone")))
    assert len(found) == MAX_MATCHES
    assert found[0].quality == "hit"


@pytest.mark.parametrize(
    "gone",
    [
        {"state": "withdrawn"},
        {"state": "expired"},
        {"expires_at": NOW},
        {"agency": POLICE},
    ],
)
def test_what_does_not_stand_is_no_match(agreed: Agreed, gone: dict[str, object]) -> None:
    """A signal that ended, is past its time, or is the asker's own is not told."""
    ended = replace(signal(1), **gone)  # type: ignore[arg-type]  # fields of the test
    assert planned(agreed, shared((ended, "phone"))) == ()


def test_roles_that_may_not_meet_are_no_match(agreed: Agreed) -> None:
    """Two associates are no match, a subject and an associate are."""
    assert planned(agreed, shared((signal(1), "phone"), roles=("associate", "associate"))) == ()
    assert len(planned(agreed, shared((signal(1), "phone"), roles=("subject", "associate")))) == 1


def test_what_the_asker_may_not_know_is_left_out(agreed: Agreed) -> None:
    """An asker without any level is told nothing, and then nobody else is either."""
    assert planned(agreed, shared((signal(1), "phone")), PartyId("nobody")) == ()


def test_events_come_in_the_order_of_the_answer(agreed: Agreed) -> None:
    """First the question, then of each match the joining and its owner's notice, numbered on; the question has digests
    of its tags and no signal, and only an owner that may know the asker is told who it is.
    """
    recorder = Recorder(agreed.covenant, PartyId("broker"), uuid4)
    known, unsure = signal(1), signal(2, case="B")
    found = planned(agreed, shared((known, "phone"), (unsure, "name-year"), (unsure, "sound-month-day")))
    request = asked(b"t" * 32, b"u" * 32)
    decision = agreed.engine.decide(query.question(request, POLICE, NOW))
    assert query.receivers(found) == {CARE: 2}
    outcome = query.issue(request, by(), decision, found, {CARE: 7}, recorder, NOW)
    question, *rest = [one.event for one in outcome.events]
    assert isinstance(question, QueryAnswered)
    assert (question.matches, question.key_kinds) == (2, ("phone",))
    assert set(question.subject.tag_digests) == {tag_digest(b"t" * 32), tag_digest(b"u" * 32)}
    assert question.subject.signal_ids == ()
    assert [type(event) for event in rest] == [SignalsMatched, NoticeIssued] * 2
    notices = [event for event in rest if isinstance(event, NoticeIssued)]
    assert [(one.notice_seq, one.level, one.act.agency) for one in notices] == [
        (7, "contact", POLICE),
        (8, "existence", None),
    ]
    assert all(one.act.justification is None and one.subject.tag_digests == () for one in notices)
    added = [fact for fact in outcome.facts if isinstance(fact, NoticeAdded)]
    assert len(added) == len(outcome.facts) == 2
    assert [fact.event_id for fact in added] == [outcome.events[2].id, outcome.events[4].id]
    assert all(fact.hit_id is None and fact.their_signal is None for fact in added)


def test_an_answer_releases_what_the_level_lets_go(agreed: Agreed) -> None:
    """Of a named case the released part's wraps alone go along, of one below the level of a name nothing."""
    known, unsure = signal(1), signal(2, case="B")
    found = planned(agreed, shared((known, "phone"), (unsure, "name-year"), (unsure, "sound-month-day")))
    assert query.wanted(found) == {known.id: ("contact",)}
    part = SealedPart(name="contact", ciphertext=bytes(296))
    sealed = SealedSignal(KeyId("care-linde:1"), bytes(64), {"contact": bytes(32), "content": bytes(32)}, (part,))
    first, second = query.answer(found, {known.id: sealed})
    assert first.counterpart is not None
    assert [(one.part, one.wrap) for one in first.counterpart.wraps] == [("contact", b"c" * 72)]
    assert (first.counterpart.parts, set(first.counterpart.part_digests)) == ((part,), {"contact", "content"})
    assert (second.level, second.counterpart) == ("existence", None)
