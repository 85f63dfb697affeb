# SPDX-License-Identifier: EUPL-1.2
"""What a key-holder's log of processing says of an evaluation: whose call, under which purpose, of which trace."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from edge.ldv import span_files
from edge.tracing import working
from edge.transport import SignedClient
from keyholder.opening import open_service
from keyholder.routes import make_keyholder_app
from keyholder.service import Service
from protocol.errors import RefusedError, UnavailableError
from protocol.ids import PartyId, PurposeId
from protocol.ldv import Span, activity_of, parse_line
from protocol.messages import EvaluationAnswer, EvaluationRequest
from protocol.oprf import blind
from protocol.trace import Trace
from tests.fakes.keyholders import KeyHolders

POLICE, PREVENTION = PartyId("police-oost"), PurposeId("offender-prevention")
TRACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
ELEMENTS = tuple(one.encoded for one in blind([b"a", b"b"]).elements)


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@pytest.fixture
def service(key_holders: KeyHolders) -> Iterator[Service]:
    """Key-holder 1 in this process, without earlier lines."""
    made = open_service(key_holders.opened(1), now)
    for path in span_files(made.spans.folder):
        path.unlink()
    yield made
    made.ledger.close()
    made.spans.close()


async def ask(service: Service, key_holders: KeyHolders, purpose: PurposeId = PREVENTION) -> None:
    """Have the police's elements evaluated, as a part of the test's trace."""
    message = EvaluationRequest(
        purpose=purpose, epoch=key_holders.covenant.live_epochs(now())[0], quorum=(1, 2), elements=ELEMENTS
    )
    app = make_keyholder_app(service, public_url=service.url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as http:
        client = SignedClient(service.url, key_holders.kit.signers[POLICE], now, http)
        with working(TRACE):
            await client.post("/v1/evaluations", message, EvaluationAnswer)


def lines(service: Service) -> list[Span]:
    """Return what the key-holder's log of processing says."""
    return [span for path in span_files(service.spans.folder) for line in path.open("rb") for span in _spans(line)]


def _spans(line: bytes) -> tuple[Span, ...]:
    return parse_line(line).spans


async def test_an_evaluation_is_a_part_of_its_callers_trace(service: Service, key_holders: KeyHolders):
    """The line names trace, caller and register entry, and nobody whom it is about."""
    await ask(service, key_holders)
    (span,) = lines(service)
    assert (span.trace.trace_id, span.parent) == (TRACE.trace_id, TRACE.span_id)
    assert span.name == "blinded elements evaluated"
    assert span.activity == activity_of(key_holders.covenant, PREVENTION)
    assert span.processor == "urn:sluis:party:police-oost"
    assert span.subject is None


async def test_what_is_refused_evaluates_nothing(service: Service, key_holders: KeyHolders):
    """A refused request is in the ledger; nothing was processed, so there is no line."""
    with pytest.raises(RefusedError):
        await ask(service, key_holders, PurposeId("monitoring-statistics"))
    assert lines(service) == []


async def test_without_its_line_nothing_is_answered(service: Service, key_holders: KeyHolders):
    """When the line cannot be written, the evaluated elements do not leave."""
    service.spans.folder = service.spans.folder / "a-file"
    service.spans.folder.parent.mkdir(exist_ok=True)
    service.spans.folder.write_text("in the way")
    with pytest.raises(UnavailableError):
        await ask(service, key_holders)
    service.spans.folder.unlink()
