# SPDX-License-Identifier: EUPL-1.2
"""The covenant for who works with it: purposes in plain words, who may be told what, and what changed last.

Every purpose and every rule has an anchor by its own name, to which a hit refers. Not here: the sentences
(``covenant_views.py``, ``covenant_changes.py``).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final, get_args

from fastapi import Depends, FastAPI, Response

from agency_client.console.covenant_changes import ChangesView, changes_view
from agency_client.console.covenant_views import Matrix, covenant_view, matrix_of
from agency_client.console.screen import Screen
from agency_client.console.visits import House, Visit
from agency_client.session import Session
from agency_client.taken import replaced_at
from protocol.covenant import Covenant
from protocol.errors import SluisError
from protocol.policy import PolicyEngine
from protocol.questions import PersonRole

_KEPT: Final = 4
"""Versions whose matrix is remembered: this one, the one before, and room for a change meanwhile."""


@dataclass(slots=True)
class _Matrices:
    """Who is told what under each version: asked of its rules once."""

    known: dict[str, Matrix] = field(default_factory=dict)

    def of(self, engine: PolicyEngine, now: datetime) -> Matrix:
        """Return a version's matrix at a moment of its force."""
        covenant = engine.covenant
        if covenant.sha256 not in self.known:
            while len(self.known) >= _KEPT:
                self.known.pop(next(iter(self.known)))
            self.known[covenant.sha256] = matrix_of(engine, _within(covenant, now))
        return self.known[covenant.sha256]


def _within(covenant: Covenant, now: datetime) -> datetime:
    last = covenant.valid_until - timedelta(seconds=1)
    return min(max(now, covenant.valid_from), last)


def add_covenant(app: FastAPI, house: House) -> None:
    """Add the screen's route."""
    enter = Annotated[Visit, Depends(house.visit())]
    matrices = _Matrices()

    @app.get("/covenant", include_in_schema=False)
    async def covenant(visit: enter) -> Response:
        session = visit.running.session
        # Without an end of the signatures: what was agreed can also be read when they ran out.
        engine = session.engine.renewed(None)
        matrix = await asyncio.to_thread(matrices.of, engine, visit.now)
        view = await asyncio.to_thread(covenant_view, engine, matrix, visit.speech)
        changes, unreadable = await asyncio.to_thread(_changes, visit, session, matrices, matrix)
        return visit.page(
            "covenant.html",
            view=view,
            changes=changes,
            unreadable=unreadable,
            until=session.agreed.until,
            state=visit.running.health.covenant,
        )


def _changes(visit: Visit, session: Session, matrices: _Matrices, matrix: Matrix) -> tuple[ChangesView | None, bool]:
    """Return what changed since the version that this agency acted under before; and whether that cannot be read."""
    replaced = replaced_at(session.vault.evidence)
    if not replaced:
        return None, False
    last = max(replaced, key=lambda sha256: replaced[sha256])
    try:
        old = session.trust.earlier(last)
        before = matrices.of(PolicyEngine(old), visit.now)
    except SluisError:
        return None, True
    return changes_view(old, session.covenant, before, matrix, visit.speech), False


COVENANT: Final = Screen(
    "covenant",
    "Covenant",
    frozenset(role for role in get_args(PersonRole) if role != "system"),
    add_covenant,
    second=True,
)
