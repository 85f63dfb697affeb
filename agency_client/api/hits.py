# SPDX-License-Identifier: EUPL-1.2
"""``/v1/hits``: the hits of a system's own records, and what came of them.

Nothing that a hit released is here: to open a contact is an act of a person, with a reason, in the console. Not here:
the words for people (``agency_client/wording.py``).
"""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from agency_client.api.described import Routes, answered
from agency_client.api.messages import HitAnswer, HitFollowUp, HitsAnswer, OutcomeRequest
from agency_client.api.tokens import read_json, require_system
from agency_client.draft import Draft
from agency_client.likeness import twins_agree
from agency_client.session import Session
from agency_client.vault.follow_ups import FollowUp
from agency_client.vault.hits import KeptHit
from agency_client.vault.systems import KeptSystem, Scope
from agency_client.wording import pair_of, words_of
from edge.api import PREFIX
from protocol.encoding import parse_time
from protocol.errors import Code, NotFoundError, UnavailableError
from protocol.follow_ups import FollowUpState
from protocol.ids import HitId
from protocol.messages import as_uuid, parse

MAX_PAGE: Final = 200
"""Hits of one answer: each is opened and put into words, some milliseconds together."""
_MAX_OUTCOME: Final = 4_096
"""Bytes: a code and a name."""
_ACCEPTED: Final = 202


def add_hits(router: APIRouter, routes: Routes) -> None:
    """Add the routes."""

    @router.get(
        f"{PREFIX}/hits",
        summary="List hits",
        operation_id="listHits",
        **answered(HitsAnswer),
    )
    async def listed(
        request: Request,
        after: Annotated[int, Query(ge=0, lt=2**53, description="`next` of the page before; 0 for the first.")] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> Response:
        """List the hits of this system's records in the order in which they were told."""
        system = await require_system(request, routes, Scope.HITS)
        return routes.json(await asyncio.to_thread(_page, routes.running.session, system, after, limit))

    @router.get(
        f"{PREFIX}/hits/{{hit_id}}",
        summary="Show a hit",
        operation_id="getHit",
        **answered(HitAnswer, refusals=[Code.NOT_FOUND]),
    )
    async def one(request: Request, hit_id: str) -> Response:
        """Show one hit of this system's records."""
        system = await require_system(request, routes, Scope.HITS)
        hit = HitId(as_uuid(hit_id))
        return routes.json(await asyncio.to_thread(_one, routes.running.session, system, hit))

    @router.post(
        f"{PREFIX}/hits/{{hit_id}}/outcome",
        summary="Tell what came of a hit",
        operation_id="putOutcome",
        **answered(HitAnswer, body=OutcomeRequest, refusals=[Code.NOT_FOUND, Code.CONFLICT]),
    )
    async def outcome(request: Request, hit_id: str) -> Response:
        """Close a hit with its outcome; 202 while the broker is away: it is sent as soon as it can be."""
        running = routes.running
        system = await require_system(request, routes, Scope.HITS)
        hit = HitId(as_uuid(hit_id))
        asked = parse(OutcomeRequest, await read_json(request, _MAX_OUTCOME))
        before = await asyncio.to_thread(_one, running.session, system, hit)
        if before.follow_up is not None and before.follow_up.outcome == asked.outcome:
            return routes.json(before)
        if await asyncio.to_thread(_closing, running.session, hit):
            return routes.json(before, _ACCEPTED)
        person = await asyncio.to_thread(running.session.person, f"{system.name}: {asked.person}")
        try:
            await running.online.following.outcome(hit, asked.outcome, person)
        except UnavailableError:
            routes.changed()
            found = await asyncio.to_thread(_one, running.session, system, hit)
            if found.follow_up is None or not found.follow_up.pending:
                raise
            return routes.json(found, _ACCEPTED)
        routes.changed()
        return routes.json(await asyncio.to_thread(_one, running.session, system, hit))


def _page(session: Session, system: KeptSystem, after: int, limit: int) -> HitsAnswer:
    hits = session.vault.records.hits_of(system.name, after, limit)
    told = tuple(_told(session, session.vault.hits.get(hit)) for hit in hits)
    return HitsAnswer(hits=told, next=told[-1].seq if len(told) == limit else None)


def _one(session: Session, system: KeptSystem, hit: HitId) -> HitAnswer:
    if not session.vault.records.has_hit(system.name, hit):
        raise NotFoundError(Code.NOT_FOUND, "This system's records have no such hit.")
    return _told(session, session.vault.hits.get(hit))


def _closing(session: Session, hit: HitId) -> bool:
    followed = session.vault.follow_ups.of(hit)
    return followed is not None and followed.pending == "closed"


def _told(session: Session, kept: KeptHit) -> HitAnswer:
    notice = kept.notice
    reference = Draft.from_bytes(session.vault.signals.get(notice.my_signal).draft).reference
    words = words_of(kept, reference, session.covenant, session.clock())
    followed = session.vault.follow_ups.of(kept.id)
    return HitAnswer(
        hit_id=kept.id,
        seq=notice.seq,
        reference=reference,
        signal_id=notice.my_signal,
        purpose=notice.purpose,
        quality=notice.quality,
        level=notice.level,
        urgency=notice.urgency,
        agency=None if notice.counterpart is None else notice.counterpart.agency,
        kinds=tuple(dict.fromkeys(one.kind for one in notice.agreed)),
        could_be_twin=twins_agree(pair_of(notice).kinds),
        state=kept.state,
        told_at=notice.at,
        opened_at=None if kept.opened_at is None else parse_time(kept.opened_at),
        deadline_at=words.deadline,
        follow_up=None if followed is None else _follow_up(followed),
    )


def _follow_up(found: FollowUp) -> HitFollowUp:
    return HitFollowUp(
        state=found.state.value,
        due_at=found.due_at,
        outcome=found.outcome if found.state is FollowUpState.CLOSED else None,
        pending=found.pending is not None,
    )
