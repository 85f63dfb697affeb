# SPDX-License-Identifier: EUPL-1.2
"""The shelf of requests for more: what we asked and what is asked of us, as far as the log proves it.

Only verified things are put here, and our own steps on their way. Not here: verifying (``disclosure_reading.py``),
doing (``requesting.py``, ``deciding.py``), which step may follow which (``protocol/disclosure_states.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, delete, func, select

from agency_client.disclosure_kept import Direction, Given, KeptDisclosure, RefusedWith, StepDone
from agency_client.vault.database import Database
from agency_client.vault.disclosure_rows import (
    DisclosureRows,
    drop_chunks,
    given_json,
    row_of,
    step_json,
    there,
)
from agency_client.vault.disclosure_tables import DisclosureChunkRow, DisclosureContentRow, DisclosureRow
from agency_client.vault.evidence import put_receipts
from agency_client.vault.outbox import NewPosting, Outbox
from agency_client.vault.tables import HitRow
from agency_client.verified import Told
from protocol.disclosure_payload import Content
from protocol.disclosure_states import OPEN, DisclosureState, Step, after
from protocol.errors import Code, ConflictError, NotFoundError
from protocol.ids import AnswerId, DisclosureId, HitId

__all__ = ["Counts", "Direction", "Disclosures", "Given", "KeptDisclosure", "RefusedWith", "StepDone", "Told"]

PAGE: Final = 50
_WITHDRAWN: Final = "withdrawn"
"""The state of a hit whose counterpart is gone (``hits.HitState``)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many requests wait for whom."""

    to_decide: int
    mine_open: int
    to_fetch: int


class Disclosures(DisclosureRows):
    """The shelf of requests for more."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database)
        self._outbox = outbox

    # --- Reading ---

    def get(self, disclosure: DisclosureId) -> KeptDisclosure:
        """Return one request; raises ``NotFoundError``."""
        found = self.find(disclosure)
        if found is None:
            raise NotFoundError(Code.NOT_FOUND, "There is no such request.", hint="See `sluis agency requests`.")
        return found

    def find(self, disclosure: DisclosureId) -> KeptDisclosure | None:
        """Return one request, or None."""
        with self._database.reading() as session:
            row = row_of(session, disclosure)
            return None if row is None else self._kept(session, row)

    def starting_with(self, text: str) -> list[DisclosureId]:
        """Return the requests whose id starts with what the user typed."""
        with self._database.reading() as session:
            rows = session.exec(
                select(DisclosureRow.id).where(col(DisclosureRow.id).startswith(text, autoescape=True))
            ).all()
        return [DisclosureId(UUID(row)) for row in rows]

    def mine(self, limit: int = PAGE, before: int | None = None) -> list[KeptDisclosure]:
        """Return what we asked, newest first; ``before`` is the number of the last one of the page before."""
        return self._page([DisclosureRow.direction == "mine"], limit, before)

    def theirs(self, limit: int = PAGE, before: int | None = None) -> list[KeptDisclosure]:
        """Return what was asked of us, decided or not, newest first."""
        return self._page([DisclosureRow.direction == "theirs"], limit, before)

    def to_decide(self, limit: int = PAGE, before: int | None = None) -> list[KeptDisclosure]:
        """Return what is asked of us and not decided, newest first."""
        return self._page([DisclosureRow.direction == "theirs", col(DisclosureRow.state).in_(OPEN)], limit, before)

    def of_hit(self, hit: HitId) -> list[KeptDisclosure]:
        """Return all requests about a hit, newest first."""
        return self._page([DisclosureRow.hit == str(hit)], PAGE, None)

    def counts(self) -> Counts:
        """Return how many requests wait: for our decision, for theirs, to be fetched by us."""
        with self._database.reading() as session:
            rows = session.exec(
                select(DisclosureRow.direction, DisclosureRow.state, func.count()).group_by(
                    DisclosureRow.direction, DisclosureRow.state
                )
            ).all()
        found = {(direction, state): count for direction, state, count in rows}
        return Counts(
            sum(found.get(("theirs", state), 0) for state in OPEN),
            sum(found.get(("mine", state), 0) for state in OPEN),
            found.get(("mine", DisclosureState.GRANTED), 0),
        )

    def waiting_for(self, person: str) -> int:
        """Return how many requests a colleague can decide now: none that another took on, or that is on its way."""
        with self._database.reading() as session:
            return session.exec(
                select(func.count())
                .select_from(DisclosureRow)
                .where(
                    DisclosureRow.direction == "theirs",
                    col(DisclosureRow.state).in_(OPEN),
                    col(DisclosureRow.waiting).is_(None),
                    func.coalesce(DisclosureRow.assigned_to, person) == person,
                )
            ).one()

    def content(self, disclosure: DisclosureId) -> Content | None:
        """Return what was given to us, opened; None when it is not here."""
        with self._database.reading() as session:
            row = session.get(DisclosureContentRow, str(disclosure))
        if row is None:
            return None
        return Content.from_bytes(self._database.open(row.content, "disclosure-content", row.disclosure))

    def chunks(self, disclosure: DisclosureId, answer: AnswerId) -> list[bytes]:
        """Return the sealed chunks of an answer of ours, in their order."""
        with self._database.reading() as session:
            rows = session.exec(
                select(DisclosureChunkRow.ciphertext)
                .where(DisclosureChunkRow.disclosure == str(disclosure), DisclosureChunkRow.answer == str(answer))
                .order_by(col(DisclosureChunkRow.place))
            ).all()
        return list(rows)

    # --- Our own steps, on their way ---

    def ask(self, kept: KeptDisclosure, posting: NewPosting, now: datetime) -> int:
        """Write a request of ours and what carries it, in one transaction; returns the posting's number."""
        with self._database.writing() as session:
            number = self._outbox.put_within(session, posting, now)
            session.add(self._fresh(kept, number))
        return number

    def begin(
        self,
        disclosure: DisclosureId,
        step: Step,
        posting: NewPosting,
        now: datetime,
        chunks: tuple[AnswerId, Sequence[bytes]] | None = None,
        given: Given | None = None,
        refusal: RefusedWith | None = None,
    ) -> int:
        """Write a step of ours and what carries it, in one transaction; returns the posting's number.

        Raises ``ConflictError``: ``already_decided`` when a colleague decided, or is about to; ``conflict`` when this
        step cannot be taken now.
        """
        with self._database.writing() as session:
            row = there(row_of(session, disclosure))
            after(step, DisclosureState(row.state))
            if row.waiting is not None:
                code = Code.ALREADY_DECIDED if row.direction == "theirs" else Code.CONFLICT
                raise ConflictError(
                    code,
                    "A colleague's step on this request is on its way to the broker.",
                    hint="Look again when it is done: `sluis agency requests`.",
                )
            number = self._outbox.put_within(session, posting, now)
            row.waiting, row.posting = step.value, number
            if chunks is not None:
                for place, ciphertext in enumerate(chunks[1]):
                    session.add(
                        DisclosureChunkRow(disclosure=row.id, answer=str(chunks[0]), place=place, ciphertext=ciphertext)
                    )
            if given is not None or refusal is not None:
                said = self._said(row)
                said["given"] = None if given is None else given_json(given)
                said["refusal"] = None if refusal is None else {"code": refusal.code, "text": refusal.text}
                self._say(row, said)
        return number

    def waiting_number(self, disclosure: DisclosureId, step: Step) -> int | None:
        """Return the number of the request that carries this step, when it is on its way already."""
        with self._database.reading() as session:
            row = there(row_of(session, disclosure))
            return row.posting if row.waiting == step.value else None

    def hand_over(self, disclosure: DisclosureId, to: str, by: str, now: datetime) -> None:
        """Write that another colleague answers; it stays within this agency. Raises ``ConflictError`` when decided."""
        with self._database.writing() as session:
            row = there(row_of(session, disclosure))
            after(Step.HAND_OVER, DisclosureState(row.state))
            row.assigned_to = to
            said = self._said(row)
            said["steps"].append(step_json(StepDone(Step.HAND_OVER, now, None, None, by)))
            self._say(row, said)

    def put_content(self, disclosure: DisclosureId, content: Content) -> None:
        """Keep what was given to us, before its receipt lets the broker delete it."""
        sealed = self._database.seal(content.to_bytes(), "disclosure-content", str(disclosure))
        with self._database.writing() as session:
            session.merge(DisclosureContentRow(disclosure=str(disclosure), content=sealed))

    # --- What the log proves ---

    def settle(self, posting: int, disclosure: DisclosureId, told: Told) -> None:
        """Write that the log proves a step of our own, and that the request that carried it is done."""
        with self._database.writing() as session:
            self._outbox.done(session, posting)
            row = there(row_of(session, disclosure))
            if row.posting == posting:
                row.waiting = row.posting = None
            self._apply(session, row, told)
            put_receipts(session, self._database, [told.receipt])

    def refused(self, posting: int, disclosure: DisclosureId, code: str, rule: str | None) -> None:
        """Write that the broker refused a step of ours for good; a refused request is at its end."""
        with self._database.writing() as session:
            row = row_of(session, disclosure)
            if row is None or row.posting != posting:
                return
            if row.waiting == Step.ASK:
                row.state, row.code, row.rule = DisclosureState.CANCELLED, code, rule
            if row.waiting in (Step.GRANT, Step.REFUSE):
                drop_chunks(session, row.id)
                said = self._said(row)
                said["given"] = said["refusal"] = None
                self._say(row, said)
            row.waiting = row.posting = None

    def forget_content(self, disclosure: DisclosureId) -> None:
        """Forget what was given: the hit that it belongs to is gone."""
        with self._database.writing() as session:
            session.exec(delete(DisclosureContentRow).where(col(DisclosureContentRow.disclosure) == str(disclosure)))

    def _page(self, where: list[Any], limit: int, before: int | None) -> list[KeptDisclosure]:
        query = select(DisclosureRow).where(*where).order_by(col(DisclosureRow.number).desc()).limit(limit)
        if before is not None:
            query = query.where(col(DisclosureRow.number) < before)
        with self._database.reading() as session:
            return [self._kept(session, row) for row in session.exec(query).all()]

    def is_gone(self, hit: HitId) -> bool:
        """Return whether the other side of a hit has gone."""
        with self._database.reading() as session:
            row = session.get(HitRow, str(hit))
            return row is not None and row.state == _WITHDRAWN
