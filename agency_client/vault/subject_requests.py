# SPDX-License-Identifier: EUPL-1.2
"""Citizens' requests for access, and what became of each: a list that only grows, so that nothing of it is rewritten.

What a request was, its case and its reasons are sealed; a step's kind and moment are not. Not here: what a report says
(``agency_client/subject_report.py``), the clock (``agency_client/subject_law.py``).
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from agency_client.vault.database import Database
from agency_client.vault.tables import SubjectRequestRow
from protocol.encoding import b64url, format_time, lp
from protocol.errors import Code, ConflictError, NotFoundError


class RequestStep(StrEnum):
    """What happened to a request. ``answered`` and ``refused`` are ends."""

    RECEIVED = "received"
    REPORTED = "reported"
    EXTENDED = "extended"
    ANSWERED = "answered"
    REFUSED = "refused"


ENDS = frozenset((RequestStep.ANSWERED, RequestStep.REFUSED))


@dataclass(frozen=True, slots=True)
class CitizenRequest:
    """One request, as its steps so far make it."""

    case: str = field(repr=False)
    received: date
    state: RequestStep
    state_at: str
    reports: int
    """How often a report was made for it."""
    refused: Mapping[str, str]
    """Purpose -> ground, of what the last report leaves out."""
    extended: date | None = None
    ground: str | None = None
    """On which a whole request was refused."""
    reason: str | None = field(default=None, repr=False)
    """The reason of the last refusal or extension, which is kept (law.md D-11)."""

    @property
    def is_open(self) -> bool:
        """Whether the person still waits for an answer."""
        return self.state not in ENDS


class SubjectRequests:
    """The shelf of requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def receive(self, case: str, received: date, person: Collection[bytes], now: datetime) -> None:
        """Enter a request once. ``person`` is what tells whom it is about, of which only keyed hashes are kept.

        Raises ``ConflictError`` when the case is another request: of another day, or about somebody who shares nothing
        with the person of the first time. That more is known of the person by now is no other request.
        """
        request = self._name(case)
        about = sorted(b64url(self._database.keyed_hash("request-person", one)) for one in person)
        with self._database.writing() as session:
            first = self._rows(session, request)[:1]
            if not first:
                said = {"case": case, "received": received.isoformat(), "about": about}
                self._put(session, request, RequestStep.RECEIVED, said, now)
                return
            known = self._read(first[0])
        if known["received"] != received.isoformat() or set(known["about"]).isdisjoint(about):
            raise ConflictError(
                Code.CONFLICT,
                "This case is of another request: received on another day, or about somebody else.",
                hint="Give each request a case of its own; `sluis agency subject-requests` lists them.",
            )

    def put(self, case: str, step: RequestStep, said: Mapping[str, Any], now: datetime) -> None:
        """Enter what happened to a request.

        Raises ``NotFoundError`` for a case without a request, ``ConflictError`` for one that has ended.
        """
        request = self._name(case)
        with self._database.writing() as session:
            rows = self._rows(session, request)
            if not rows:
                raise NotFoundError(
                    Code.NOT_FOUND,
                    "There is no request under this case.",
                    hint="`sluis agency subject-report` enters one; `sluis agency subject-requests` lists them.",
                )
            # A report can be made again after the end, for the file; nothing else happens to what has ended.
            if step is not RequestStep.REPORTED and any(RequestStep(row.step) in ENDS for row in rows):
                raise ConflictError(Code.CONFLICT, "This request has ended.", hint="A new one needs a new case.")
            self._put(session, request, step, said, now)

    def find(self, case: str) -> CitizenRequest:
        """Return one request. Raises ``NotFoundError``."""
        found = next((one for one in self.all() if one.case == case), None)
        if found is None:
            raise NotFoundError(Code.NOT_FOUND, "There is no request under this case.")
        return found

    def all(self) -> list[CitizenRequest]:
        """Return every request, the oldest first."""
        with self._database.reading() as session:
            rows = session.exec(select(SubjectRequestRow).order_by(col(SubjectRequestRow.number))).all()
        by_request: dict[bytes, list[SubjectRequestRow]] = {}
        for row in rows:
            by_request.setdefault(row.request, []).append(row)
        return [self._fold(steps) for steps in by_request.values()]

    def _fold(self, rows: list[SubjectRequestRow]) -> CitizenRequest:
        steps = [(RequestStep(row.step), row.at, self._read(row)) for row in rows]
        first = steps[0][2]
        state, at = next(((step, at) for step, at, _ in steps if step in ENDS), (steps[-1][0], steps[-1][1]))
        reports = [said for step, _, said in steps if step is RequestStep.REPORTED]
        extended = [said for step, _, said in steps if step is RequestStep.EXTENDED]
        refused = [said for step, _, said in steps if step is RequestStep.REFUSED]
        reasons = [said["reason"] for _, _, said in steps if said.get("reason")]
        return CitizenRequest(
            case=first["case"],
            received=date.fromisoformat(first["received"]),
            state=state,
            state_at=at,
            reports=len(reports),
            refused=reports[-1].get("refused", {}) if reports else {},
            extended=date.fromisoformat(extended[-1]["until"]) if extended else None,
            ground=refused[-1]["ground"] if refused else None,
            reason=reasons[-1] if reasons else None,
        )

    def _put(self, session: Session, request: bytes, step: RequestStep, said: Mapping[str, Any], now: datetime) -> None:
        row = SubjectRequestRow(request=request, step=step, at=format_time(now), said=b"")
        session.add(row)
        session.flush()
        row.said = self._database.seal(json.dumps(dict(said)).encode(), "subject-request", str(row.number))

    def _read(self, row: SubjectRequestRow) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._database.open(row.said, "subject-request", str(row.number)))
        return found

    @staticmethod
    def _rows(session: Session, request: bytes) -> list[SubjectRequestRow]:
        return list(
            session.exec(
                select(SubjectRequestRow)
                .where(SubjectRequestRow.request == request)
                .order_by(col(SubjectRequestRow.number))
            ).all()
        )

    def _name(self, case: str) -> bytes:
        return self._database.keyed_hash("request-case", lp(case))
