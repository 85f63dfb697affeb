# SPDX-License-Identifier: EUPL-1.2
"""Whoever works with the suspect cannot notice a victim's signal, through any route of the broker.

Two worlds: in one, the victim's side signals about exactly the person that the suspect's side pushes and asks about,
and its agencies find each other; in the other it never did anything. Every answer to the suspect's side is the same in
both: status, headers, words and numbers, but for ids, times and the public log's size. So is the work behind it: the
same SQL statements in the same order, so that no answer waits for what one world has more. Stopwatches are not used.
What the public log shows to everybody is in SECURITY.md.
"""

import asyncio
import json
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, cast
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi.routing import APIRoute

from broker import matching
from broker.postgres.store import PostgresStore
from edge import api
from protocol.changes import ChangeSeen, Extension, Restriction
from protocol.checkpoint import Checkpoint, cosign, sign_checkpoint
from protocol.commitments import LEAF_BYTES, tag_digest
from protocol.covenant_parts import AgencyKind
from protocol.disclosures import AnswerChunk, DisclosureCancellation, DisclosureDecision, DisclosureReceipt
from protocol.encoding import b64url
from protocol.evaluation_reports import AgencyHour, EvaluationReports, HourReport
from protocol.events import EVENTS
from protocol.follow_ups import HitOutcome
from protocol.group import random_bytes
from protocol.ids import DisclosureId, HitId, KeyKind, PartyId, PurposeId, SignalId
from protocol.informing import InformingReview
from protocol.merkle import EMPTY_ROOT
from protocol.messages import (
    ErasureRequest,
    Informed,
    Justification,
    Message,
    OpeningRequest,
    PushRequest,
    QueryKey,
    QueryRequest,
    Signal,
    WithdrawalRequest,
)
from protocol.signing import Request, sign_request
from protocol.statistics import MEASURES, ProbeCounts
from protocol.subject_requests import PurposeTags, SubjectSearch
from protocol.witness_reports import CosignatureUpload
from tests.fakes import disclosure_requests as more
from tests.fakes.broker_world import CARE, MUNICIPALITY, POLICE, BrokerWorld, broker_world, new_signal_id, tag_of
from tests.fakes.covenants import FIRST, make_covenant
from tests.fakes.data_keys import openings_of
from tests.fakes.waiting import until_settled
from tests.protocol.test_policy import NOW

HIDDEN: Final = PurposeId("victim-protection")
PERSON: Final = {"phone": "31612345678", "bsn": "123456782"}
COVENANT: Final = make_covenant(now=NOW).covenant
KINDS: Final = frozenset(COVENANT.purposes[HIDDEN].hidden_from)
ALSO: Final = tuple(
    (f"suspect-{kind}", cast("AgencyKind", kind), entry.title.nl)
    for kind, entry in COVENANT.agency_kinds.items()
    if kind in KINDS - {first[1] for first in FIRST} or kind == "probation-rn"
)
SUSPECT_SIDE: Final = (*(PartyId(name) for name, kind, _ in FIRST if kind in KINDS), *(PartyId(one[0]) for one in ALSO))
"""An agency of every kind that the purpose is hidden from, and a body within one."""

Sent = tuple[str, str, bytes, dict[str, str]]


@dataclass
class World:
    """One of the two worlds: what the suspect's side could name of the victim's side, true here or made up."""

    broker: BrokerWorld
    signal: SignalId
    hit: HitId
    disclosure: DisclosureId
    statements: Mapping[str, list[str]]
    transcript: dict[str, Any] = field(default_factory=dict)

    def purpose_of(self, party: PartyId) -> PurposeId:
        """Return a purpose for which this agency signals, else the first one."""
        covenant = self.broker.kit.covenant
        kind = covenant.kind_of(party)
        return next(
            (name for name, purpose in covenant.purposes.items() if kind in purpose.kinds_that("send")),
            PurposeId("offender-prevention"),
        )

    def about(self, party: PartyId, purpose: PurposeId, *, stolen: bool = False, **more: Any) -> Signal:
        """Return a signal about the person; ``stolen`` gives it the very pseudonyms of the hidden purpose."""
        terms = self.broker.kit.covenant.purposes[purpose]
        signal = self.broker.signal(party, PERSON, purpose=purpose, case=f"{party} {purpose}", **more)
        tags = {key.kind: tag_of(key.kind, PERSON[key.kind], HIDDEN, signal.epoch) for key in signal.keys}
        keys = tuple(key.model_copy(update={"tag": tags[key.kind]}) if stolen else key for key in signal.keys)
        bases = terms.bases_of(self.broker.kit.covenant.kind_of(party)) or ("legal-duty",)
        changes = {"grounds": (next(iter(terms.grounds)),), "basis": bases[0], "keys": keys}
        return signal.model_copy(update=changes | {"informed": Informed(status="not-required")})

    def question(self, purpose: PurposeId, *, stolen: bool = False) -> QueryRequest:
        """Return a question about the person."""
        epoch = self.broker.epoch
        keys = tuple(
            QueryKey(kind=KeyKind(kind), role="subject", tag=tag_of(kind, value, HIDDEN if stolen else purpose, epoch))
            for kind, value in PERSON.items()
        )
        why = Justification(code="case-work", text="lopende zaak", case_reference="Z-1")
        return QueryRequest(purpose=purpose, epoch=epoch, justification=why, keys=keys)


def post(path: str, message: Message | Mapping[str, Any], *, key: bool = False) -> Sent:
    """Return a request with a body."""
    body = message.to_json() if isinstance(message, Message) else json.dumps(message).encode()
    return "POST", path, body, {"Idempotency-Key": uuid4().hex} if key else {}


def get(path: str, **query: object) -> Sent:
    """Return a request without a body."""
    return "GET", f"{path}?{urlencode(query)}" if query else path, b"", {}


def pushes(world: World, party: PartyId) -> Iterator[Sent]:
    """Its own signal about the person, the same with stolen pseudonyms, and two under the hidden purpose."""
    own = world.purpose_of(party)
    yield post("/v1/signals", PushRequest(signals=(world.about(party, own),)), key=True)
    yield post("/v1/signals", PushRequest(signals=(world.about(party, own, stolen=True),)), key=True)
    yield post("/v1/signals", PushRequest(signals=(world.about(party, HIDDEN),)), key=True)
    yield post("/v1/signals", PushRequest(signals=(world.about(party, HIDDEN, signal_id=world.signal),)), key=True)


def withdrawals(world: World, party: PartyId) -> Iterator[Sent]:
    """The victim's signal."""
    yield post(f"/v1/signals/{world.signal}/withdrawal", WithdrawalRequest(reason="mistake"))


def changes(world: World, party: PartyId) -> Iterator[Sent]:
    """The victim's signal, and what one was never told."""
    why = Justification(code="still-needed", text="duurt voort", case_reference="Z-1")
    until = world.broker.clock().replace(microsecond=0) + timedelta(days=60)
    for restricted in (True, False):
        asked = Restriction(restricted=restricted, reason="accuracy-contested")
        yield post(f"/v1/signals/{world.signal}/restriction", asked, key=True)
    yield post(f"/v1/signals/{world.signal}/extension", Extension(expires_at=until, justification=why), key=True)
    for seq in (900, 901):
        yield post(f"/v1/notices/{seq}/acknowledgement", ChangeSeen(change="withdrawn"), key=True)


def erasures(world: World, party: PartyId) -> Iterator[Sent]:
    """The victim's signal, in every role."""
    asked = ErasureRequest(ground="wrong-person", text="vergissing", case_reference="P-1")
    for role in ("privacy-officer", "supervisor", "coordinator"):
        method, path, body, headers = post(f"/v1/signals/{world.signal}/erasure", asked, key=True)
        yield method, path, body, {**headers, "Sluis-Role": role}


def openings(world: World, party: PartyId) -> Iterator[Sent]:
    """The hit of the victim's side."""
    why = Justification(code="case-work", text="overleg", case_reference="Z-1")
    yield post(f"/v1/hits/{world.hit}/opening", OpeningRequest(justification=why), key=True)


def follow_ups(world: World, party: PartyId) -> Iterator[Sent]:
    """The hit of the victim's side, as if one had been told of it."""
    for step in ("acknowledged", "contacted"):
        yield post(f"/v1/hits/{world.hit}/acknowledgement", {"step": step}, key=True)
    for code in ("not-the-same-person", "no-such-outcome"):
        yield post(f"/v1/hits/{world.hit}/outcome", HitOutcome(outcome=code), key=True)


def disclosures(world: World, party: PartyId) -> Iterator[Sent]:
    """The hit and the request of the victim's side: as if one had been told of them, asking, deciding and fetching."""
    coordinator = {"Sluis-Role": "coordinator"}

    def step(path: str, message: Message) -> Sent:
        method, where, body, headers = post(f"/v1/disclosure-requests{path}", message, key=True)
        return method, where, body, headers | coordinator

    terms = more.terms_of(world.hit, party, POLICE, world.disclosure, HIDDEN)
    answering = more.terms_of(world.hit, POLICE, party, world.disclosure, HIDDEN)
    for made in (more.new_disclosure(), world.disclosure):
        yield step("", more.asked(world.broker, replace(terms, id=made)))
    request = more.asked(world.broker, terms)
    yield step(f"/{world.disclosure}/decision", more.refused(world.broker, answering, request))
    yield step(f"/{world.disclosure}/decision", DisclosureDecision(outcome="approve"))
    yield step(f"/{world.disclosure}/receipt", DisclosureReceipt(answer="a1" * 32))
    yield step(f"/{world.disclosure}/cancellation", DisclosureCancellation())
    pieces = f"/v1/disclosure-requests/{world.disclosure}/answers/{world.disclosure}"
    yield "GET", pieces, b"", coordinator
    yield "GET", f"{pieces}/chunks/0", b"", coordinator
    yield "PUT", f"{pieces}/chunks/0", AnswerChunk(ciphertext=bytes(64)).to_json(), coordinator


def queries(world: World, party: PartyId) -> Iterator[Sent]:
    """Who knows the person: in its own purpose and in the hidden one, also with stolen pseudonyms."""
    for purpose in (world.purpose_of(party), HIDDEN):
        yield post("/v1/queries", world.question(purpose))
        yield post("/v1/queries", world.question(purpose, stolen=True))


def decisions(world: World, party: PartyId) -> Iterator[Sent]:
    """What the rules say about the victim's signal and hit, one by one and together."""
    for kind, thing in (("signal", world.signal), ("hit", world.hit), ("purpose", HIDDEN)):
        for action in ("readEvents", "notify"):
            asked = {
                "subject": {"type": "agency", "id": party},
                "action": {"name": action, "properties": {"scope": "others", "logPurpose": "lawfulness-check"}},
                "resource": {"type": kind, "id": str(thing), "properties": {"purpose": HIDDEN}},
                "context": {
                    "keyKinds": ["bsn"],
                    "justified": True,
                    "sender": CARE,
                    "quality": "hit",
                    "level": "existence",
                },
            }
            yield post("/access/v1/evaluations", {**asked, "evaluations": [{}, {}]})
    yield post("/access/v1/evaluation", asked)


def statistics(world: World, party: PartyId) -> Iterator[Sent]:
    """How many signals there are."""
    year = world.broker.clock().year
    for under in ("monitoring-statistics", HIDDEN, world.purpose_of(party)):
        yield get("/v1/statistics", about=HIDDEN, purpose=under, year=year)


def supervision(world: World, party: PartyId) -> Iterator[Sent]:
    """Whose use is unusual."""
    yield get("/v1/unusual", since="2026-01-01", logPurpose="lawfulness-check")


def citizens(world: World, party: PartyId) -> Iterator[Sent]:
    """What the log has about the person, as if the person had asked: with own, hidden and stolen pseudonyms, and the
    victim's signal; and whether the person was told of that signal.
    """
    why = Justification(code="access-request", text="verzoek om inzage", case_reference="I-1")
    for purpose, stolen in ((world.purpose_of(party), False), (world.purpose_of(party), True), (HIDDEN, True)):
        keys = world.question(purpose, stolen=stolen).keys
        digests = tuple(sorted(tag_digest(key.tag) for key in keys))
        tags = (PurposeTags(purpose=purpose, epoch=world.broker.epoch, tag_digests=digests),)
        search = SubjectSearch(
            justification=why, purposes=(purpose,), tags=tags, signals=(world.signal,), known=tuple(range(50))
        )
        for role in ("privacy-officer", "coordinator"):
            method, path, body, _ = post("/v1/subject-requests", search)
            yield method, path, body, {"Sluis-Role": role}
    told = InformingReview(status="informed", approver="p-1", justification=why)
    yield post(f"/v1/signals/{world.signal}/informing", told, key=True)


def readings(world: World, party: PartyId) -> Iterator[Sent]:
    """What it is told, and what the key-holders said of the hidden purpose's keys."""
    yield get("/v1/notices", limit=500)
    yield get("/v1/notices/stream")
    yield get("/v1/key-statements", purpose=HIDDEN, epoch=world.broker.epoch)


def logs(world: World, party: PartyId) -> Iterator[Sent]:
    """Its own entries, page by page; the hidden purpose's by name, the victim's signal and hit, and acts of others."""
    own = [{"event": tag} for tag in (3, 8, 9, 12)]
    about = [{"purpose": HIDDEN}, {"signal": str(world.signal)}, {"hit": str(world.hit)}, {"agency": CARE}]
    for filters in (*own, *about, {"operation": "combination"}, {"decision": "allow", "operation": "collection"}):
        # Its first signal is the same one in both worlds; which notice comes first, when all push at once, is not.
        limit = 1 if filters == {"event": 3} else 200
        for reason in ("self-monitoring", "criminal-proceedings"):
            method, path, body, _ = post(
                "/v1/events/search", {"logPurpose": reason, "filters": filters, "limit": limit}
            )
            yield method, path, body, {"Sluis-Role": "privacy-officer"}


def witnessings(world: World, party: PartyId) -> Iterator[Sent]:
    """Its cosignature of a tree that was there before anybody, and one that does not hold."""
    kit = world.broker.kit
    tree = Checkpoint(kit.log_signer.key.name, 0, EMPTY_ROOT)
    note = sign_checkpoint(tree, kit.log_signer)
    line = cosign(tree, kit.agency_witnesses[party], world.broker.clock())
    for lines in (line, ""):
        yield post("/v1/log/cosignatures", CosignatureUpload(note=note + lines))


def declarations(world: World, party: PartyId) -> Iterator[Sent]:
    """Its numbers of probes, under its own purpose and under the hidden one."""
    month = f"{world.broker.clock().year - 1}-11"
    for purpose in (HIDDEN, world.purpose_of(party)):
        said = ProbeCounts(purpose=purpose, month=month, counts=dict.fromkeys(MEASURES, 1))
        yield post("/v1/probe-counts", said, key=True)


def reports(world: World, party: PartyId) -> Iterator[Sent]:
    """Report, as if a key-holder, what was evaluated for the hidden purpose and for one's own."""
    hour = world.broker.clock().replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    for purpose in (HIDDEN, world.purpose_of(party)):
        row = AgencyHour(agency=party, purpose=purpose, elements=1, refused=0)
        yield post("/v1/evaluation-reports", EvaluationReports(reports=(HourReport(hour=hour, rows=(row,)),)), key=True)


CASES: Final[dict[str, Callable[[World, PartyId], Iterator[Sent]]]] = {
    "/v1/signals": pushes,
    "/v1/signals/{signal_id}/withdrawal": withdrawals,
    "/v1/signals/{signal_id}/erasure": erasures,
    "/v1/signals/{signal_id}/restriction": changes,
    "/v1/signals/{signal_id}/extension": changes,
    "/v1/notices/{seq}/acknowledgement": changes,
    "/v1/hits/{hit_id}/opening": openings,
    "/v1/hits/{hit_id}/acknowledgement": follow_ups,
    "/v1/hits/{hit_id}/outcome": follow_ups,
    "/v1/disclosure-requests": disclosures,
    "/v1/disclosure-requests/{disclosure_id}/decision": disclosures,
    "/v1/disclosure-requests/{disclosure_id}/receipt": disclosures,
    "/v1/disclosure-requests/{disclosure_id}/cancellation": disclosures,
    "/v1/disclosure-requests/{disclosure_id}/answers/{answer_id}": disclosures,
    "/v1/disclosure-requests/{disclosure_id}/answers/{answer_id}/chunks/{index}": disclosures,
    "/v1/queries": queries,
    "/v1/notices": readings,
    "/v1/notices/stream": readings,
    "/v1/key-statements": readings,
    "/v1/statistics": statistics,
    "/v1/probe-counts": declarations,
    "/v1/evaluation-reports": reports,
    "/v1/unusual": supervision,
    "/v1/subject-requests": citizens,
    "/v1/signals/{signal_id}/informing": citizens,
    "/access/v1/evaluation": decisions,
    "/access/v1/evaluations": decisions,
    "/v1/log/cosignatures": witnessings,
    "/v1/events/search": logs,
}
"""Every route that answers one agency -> what the suspect's side asks there."""
PUBLIC: Final = {
    "/log/checkpoint",
    "/log/tile/{path:path}",
    "/log/witnesses",
    "/covenant/{name:path}",
    "/healthz",
    "/readyz",
    "/.well-known/authzen-configuration",
}
"""Routes that answer everybody alike, signed or not: the log's size and the covenant are public."""


# --- Seeing what is behind an answer ---

_STATEMENTS: ContextVar[list[str] | None] = ContextVar("statements", default=None)


@contextmanager
def statements_seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, list[str]]]:
    """Yield the SQL statements behind each request, by its X-Request-ID; not those that wait for the log's proof, whose
    number depends on the witnesses.
    """
    seen: dict[str, list[str]] = defaultdict(list)
    house, execute, prove = api._House.__call__, psycopg.AsyncCursor.execute, PostgresStore.prove

    async def named(self: Any, scope: Any, receive: Any, send: Any) -> None:
        names = [value.decode() for name, value in scope.get("headers", []) if name == b"x-request-id"]
        token = _STATEMENTS.set(seen[names[0]] if names else None)
        try:
            await house(self, scope, receive, send)
        finally:
            _STATEMENTS.reset(token)

    async def noted(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        if (here := _STATEMENTS.get()) is not None:
            here.append(query if isinstance(query, str) else query.as_string(None))
        return await execute(self, query, *args, **options)

    async def waited(self: Any, events: Any) -> Any:
        token = _STATEMENTS.set(None)
        try:
            return await prove(self, events)
        finally:
            _STATEMENTS.reset(token)

    with monkeypatch.context() as patch:
        patch.setattr(api._House, "__call__", named)
        patch.setattr(psycopg.AsyncCursor, "execute", noted)
        patch.setattr(PostgresStore, "prove", waited)
        yield seen


_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
_BYTES = re.compile(r"^[A-Za-z0-9_-]{43,}$")
_PROOFS: Final = {"index", "proof", "checkpoint", "sha256", "seq", "noticeSeq", "next", "through", "traceId", "spanId"}
"""What depends on the public log's size, on the moment that a test's covenant was made, or, since all ask at once, on
who came first. What the log says, in ``evidence.opening``, is compared.
"""


def plain(value: Any) -> Any:
    """Return an answer without ids, times, random bytes and proofs; what is listed in no order: all ask at once."""
    if isinstance(value, dict):
        found = {key: "proof" if key in _PROOFS else plain(one) for key, one in value.items()}
        for name in {"notices", "entries"} & found.keys():
            if isinstance(found[name], list):
                found[name] = sorted(json.dumps(one, sort_keys=True) for one in found[name])
        return found
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str):
        return _BYTES.sub("<bytes>", _TIME.sub("<time>", _ID.sub("<id>", value)))
    return value


_OF_THE_MOMENT: Final = {"date", "content-length", "x-request-id", "sluis-covenant"}


async def call(world: World, party: PartyId, sent: Sent) -> Any:
    """Send a request signed by a party; return all that can be seen of the answer, and the statements behind it."""
    method, path, body, extra = sent
    url, name = world.broker.kit.covenant.broker.url + path, uuid4().hex
    bound = extra | {"Sluis-Person": "medewerker-17"}
    signed = sign_request(
        world.broker.kit.signers[party],
        Request(method, url, bound, body),
        created=world.broker.clock(),
        nonce=b64url(random_bytes(16)),
    )
    headers = bound | signed | {"X-Request-ID": name} | ({"Content-Type": "application/json"} if body else {})
    async with world.broker.http.stream(method, url, content=body or None, headers=headers) as answer:
        if answer.headers["content-type"].startswith("text/event-stream"):
            told: Any = (await anext(answer.aiter_text())).split("\n", 1)[0]
            # It goes on reading what /v1/notices reads, as often as there is time before we hang up.
            behind = world.statements[name][:1]
        else:
            told, behind = plain(json.loads(await answer.aread())), world.statements[name]
    shown = {key: value for key, value in answer.headers.items() if key not in _OF_THE_MOMENT}
    return {"status": answer.status_code, "headers": shown, "told": told, "statements": behind}


# --- The two worlds ---


def _events(database: str) -> Counter[str]:
    """Return how many events of each kind the log has, with whom they are of and for."""
    found: Counter[str] = Counter()
    for opening in openings_of(database):
        record = opening.record
        kept = {
            name: one for name, one in record.items() if name in ("agency", "recipient", "purpose", "decision", "code")
        }
        found[f"{EVENTS[record['event']].__name__} {json.dumps(kept, sort_keys=True)}"] += 1
    return found


async def _victims_side(world: BrokerWorld) -> tuple[SignalId, HitId, DisclosureId]:
    """Let three agencies signal about the victim, find each other, ask, open and withdraw; return what that left."""
    made = {}
    for party, basis in ((CARE, "consent"), (MUNICIPALITY, "consent"), (POLICE, "legal-duty")):
        signal = world.signal(party, PERSON, purpose=HIDDEN, basis=basis)
        made[party] = signal.model_copy(update={"grounds": ("runaway-minor",)})
        answer = await world.agency(party).push(made[party])
        assert answer.results[0].status == "accepted"
    await world.agency(CARE).told(2)
    hit = matching.hit_id(made[CARE].id, made[POLICE].id)
    await world.agency(CARE).open(hit)
    assert (await world.agency(POLICE).ask(PERSON, purpose=HIDDEN)).matches
    await world.agency(MUNICIPALITY).withdraw(made[MUNICIPALITY].id)
    terms = more.terms_of(hit, CARE, POLICE, more.new_disclosure(), HIDDEN)
    await more.ask(world, terms)
    return made[CARE].id, hit, terms.id


@asynccontextmanager
async def _world(database: str, statements: Mapping[str, list[str]], *, victim: bool) -> AsyncIterator[World]:
    async with broker_world(database, also=ALSO) as broker:
        signal, hit = new_signal_id(), matching.hit_id(new_signal_id(), new_signal_id())
        disclosure = more.new_disclosure()
        if victim:
            signal, hit, disclosure = await _victims_side(broker)
        yield World(broker, signal, hit, disclosure, statements)


async def _suspects_side(world: World) -> tuple[dict[str, Any], Counter[str]]:
    """Let every agency of the suspect's side try everything; return what it saw, and what it left in the log."""
    before = _events(world.broker.database)
    seen: dict[str, Any] = {}
    for case in dict.fromkeys(CASES.values()):
        await until_settled(world.broker.database)
        for done in await asyncio.gather(*(_tried(world, party, case) for party in SUSPECT_SIDE)):
            seen |= done
    return seen, _events(world.broker.database) - before


async def _tried(world: World, party: PartyId, case: Callable[[World, PartyId], Iterator[Sent]]) -> dict[str, Any]:
    return {
        f"{party}: {case.__name__} {place}": await call(world, party, sent)
        for place, sent in enumerate(case(world, party))
    }


Databases = Callable[[], Awaitable[str]]


@pytest.fixture
def two_databases(database: str, server: Any, template: str) -> Iterator[tuple[str, str]]:
    """Return the addresses of two fresh databases."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]  # our own names
    yield database, server.url(name)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]  # our own names


async def test_the_suspects_side_sees_the_same_with_and_without_a_victims_signal(
    two_databases: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer, the work behind it, and what is written of it, is the same in both worlds."""
    found = []
    with statements_seen(monkeypatch) as statements:
        for database, victim in zip(two_databases, (True, False), strict=True):
            async with _world(database, statements, victim=victim) as world:
                found.append(await _suspects_side(world))
    (seen, left), (seen_without, left_without) = found
    assert set(seen) == set(seen_without)
    differ = {step: (one, seen_without[step]) for step, one in seen.items() if one != seen_without[step]}
    assert differ == {}
    assert left == left_without
    assert {answer["status"] for answer in seen.values()} >= {200, 403, 404}
    assert all(answer["statements"] for answer in seen.values())
    # They do find each other, where they may: nothing is silent for want of a hit.
    assert any(isinstance(answer["told"], dict) and answer["told"].get("notices") for answer in seen.values())


async def test_every_route_has_its_case(database: str) -> None:
    """A new route must say here what the suspect's side could ask there, or that it answers everybody alike."""
    async with broker_world(database) as world:
        app = world.app()
        async with app.router.lifespan_context(app):
            routes = {route.path for route in app.routes if isinstance(route, APIRoute)}
    assert routes - PUBLIC == set(CASES)


async def test_the_public_log_tells_nobody_what_its_entries_are(database: str) -> None:
    """An entry is a version and two salted hashes of one length, whatever happened; and anybody may read it."""
    async with broker_world(database) as world:
        await _victims_side(world)
        checkpoint = await _fetch(world, "/log/checkpoint")
        size = int(checkpoint.text.splitlines()[1])
        entries = (await _fetch(world, f"/log/tile/entries/000.p/{size}")).content
    assert len(entries) == size * (2 + LEAF_BYTES)
    assert not any(word in entries for word in (b"victim", b"care", b"signal", HIDDEN.encode()))


async def _fetch(world: BrokerWorld, path: str) -> httpx.Response:
    answer = await world.http.get(world.kit.covenant.broker.url + path)
    assert answer.status_code == 200
    return answer
