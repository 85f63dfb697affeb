# SPDX-License-Identifier: EUPL-1.2
"""A request for more as the vault keeps it, and what one proven entry of the log changes at it.

Not here: listing them and our own steps (``disclosures.py``), verifying (``disclosure_reading.py``).
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, delete, select

from agency_client.disclosure_kept import Given, KeptDisclosure, RefusedWith, StepDone
from agency_client.vault.database import Database
from agency_client.vault.disclosure_tables import DisclosureChunkRow, DisclosureContentRow, DisclosureRow
from agency_client.verified import Told
from protocol.disclosure_payload import Wanted
from protocol.disclosure_states import OPEN, DisclosureState, Step, after
from protocol.disclosures import SealedAnswer
from protocol.encoding import format_time, parse_time
from protocol.errors import Code, ConflictError, NotFoundError, VerificationError
from protocol.ids import DisclosureId, HitId, PartyId, PurposeId, SignalId
from protocol.messages import Justification, parse


class DisclosureRows:
    """The rows of requests, and the one place that changes them by what the log proves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_told(self, session: Session, kept: KeptDisclosure, told: Told) -> None:
        """Write, within the transaction of its notice, what the log proves of a request; ``kept`` is what is known of
        it when it is new here. Raises ``VerificationError`` when the same was told under another number.
        """
        row = row_of(session, kept.id)
        if row is None:
            row = self._fresh(kept, None)
            session.add(row)
            session.flush()
        known = {(one["place"], one["seq"]) for one in self._said(row)["steps"] if one["place"] is not None}
        if any(place == told.receipt.place and seq != told.seq for place, seq in known):
            raise VerificationError(Code.NOTICE_REPLAYED, "The same step was told under another number before.")
        if (told.receipt.place, told.seq) not in known:
            self._apply(session, row, told)

    def _apply(self, session: Session, row: DisclosureRow, told: Told) -> None:
        said = self._said(row)
        if told.fetch_by is not None:
            row.fetch_by = format_time(told.fetch_by)
        if told.refusal is not None:
            said["refusal"] = {"code": told.refusal.code, "text": told.refusal.text}
        if told.answer is not None:
            said["answer"] = json.loads(told.answer.to_json())
        if told.answer_digest is not None:
            said["answerDigest"] = told.answer_digest
        if told.step is Step.APPROVE and told.person is not None:
            said["approvals"].append(told.person)
        said["steps"].append(step_json(StepDone(told.step, told.at, told.receipt.place, told.seq, told.person)))
        state = _state_of(said["steps"])
        row.state = state
        if state is not DisclosureState.RECEIVED and state not in (*OPEN, DisclosureState.GRANTED):
            said["answer"] = None
            session.exec(delete(DisclosureContentRow).where(col(DisclosureContentRow.disclosure) == row.id))
        if state not in OPEN:
            drop_chunks(session, row.id)
        self._say(row, said)

    def _fresh(self, kept: KeptDisclosure, posting: int | None) -> DisclosureRow:
        said: dict[str, Any] = {
            "why": None if kept.why is None else json.loads(kept.why.to_json()),
            "wanted": None if kept.wanted is None else json.loads(kept.wanted.to_json()),
            "request": kept.request,
            "refusal": None,
            "given": None,
            "answer": None,
            "answerDigest": None,
            "approvals": [],
            "steps": [],
        }
        return DisclosureRow(
            id=str(kept.id),
            direction=kept.direction,
            state=kept.state,
            hit=str(kept.hit),
            signal=str(kept.signal),
            purpose=kept.purpose,
            other=kept.other,
            at=format_time(kept.at),
            due_at=format_time(kept.due_at),
            waiting=None if kept.waiting is None else kept.waiting.value,
            posting=posting,
            said=self._seal(str(kept.id), said),
        )

    def _kept(self, session: Session, row: DisclosureRow) -> KeptDisclosure:
        said, refusal = self._said(row), None
        if said["refusal"] is not None:
            refusal = RefusedWith(said["refusal"]["code"], said["refusal"]["text"])
        return KeptDisclosure(
            row.number or 0,
            DisclosureId(UUID(row.id)),
            "mine" if row.direction == "mine" else "theirs",
            DisclosureState(row.state),
            HitId(UUID(row.hit)),
            SignalId(UUID(row.signal)),
            PurposeId(row.purpose),
            PartyId(row.other),
            parse_time(row.at),
            parse_time(row.due_at),
            None if row.fetch_by is None else parse_time(row.fetch_by),
            None if row.waiting is None else Step(row.waiting),
            row.code,
            row.rule,
            None if said["why"] is None else parse(Justification, _dump(said["why"])),
            None if said["wanted"] is None else parse(Wanted, _dump(said["wanted"])),
            refusal,
            None if said["given"] is None else _given(said["given"]),
            tuple(said["approvals"]),
            row.assigned_to,
            tuple(_step(one) for one in said["steps"]),
            said["request"],
            None if said["answer"] is None else parse(SealedAnswer, _dump(said["answer"])),
            said["answerDigest"],
            session.get(DisclosureContentRow, row.id) is not None,
        )

    def _said(self, row: DisclosureRow) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._database.open(row.said, "disclosure", row.id))
        return found

    def _say(self, row: DisclosureRow, said: Mapping[str, Any]) -> None:
        row.said = self._seal(row.id, said)

    def _seal(self, disclosure: str, said: Mapping[str, Any]) -> bytes:
        return self._database.seal(_dump(said), "disclosure", disclosure)


def _state_of(steps: Sequence[Mapping[str, Any]]) -> DisclosureState:
    """Return where a request is by all that the log proves of it, in the log's order: answers and notices can cross."""
    state = DisclosureState.REQUESTED
    placed = [one for one in steps if one["place"] is not None and one["step"] != Step.ASK]
    for one in sorted(placed, key=lambda known: int(known["place"])):
        # What cannot follow changes nothing: what is at an end stays there.
        with suppress(ConflictError):
            state = after(Step(one["step"]), state) or state
    return state


def row_of(session: Session, disclosure: DisclosureId) -> DisclosureRow | None:
    """Return the row of a request, or None."""
    return session.exec(select(DisclosureRow).where(DisclosureRow.id == str(disclosure))).first()


def there(row: DisclosureRow | None) -> DisclosureRow:
    """Return a row that must be there. Raises ``NotFoundError``."""
    if row is None:
        raise NotFoundError(Code.NOT_FOUND, "There is no such request.", hint="See `sluis agency requests`.")
    return row


def drop_chunks(session: Session, disclosure: str) -> None:
    """Forget the sealed chunks of our own answers to a request."""
    session.exec(delete(DisclosureChunkRow).where(col(DisclosureChunkRow.disclosure) == disclosure))


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def step_json(one: StepDone) -> dict[str, Any]:
    """Return a step as it is sealed."""
    return {
        "step": one.step.value,
        "at": format_time(one.at),
        "place": one.place,
        "seq": one.seq,
        "person": one.person,
    }


def _step(one: Mapping[str, Any]) -> StepDone:
    return StepDone(Step(one["step"]), parse_time(one["at"]), one["place"], one["seq"], one["person"])


def given_json(given: Given) -> dict[str, Any]:
    """Return what we gave as it is sealed."""
    return {
        "text": given.text,
        "fields": dict(given.fields),
        "danger": dict(given.danger),
        "contactPreference": dict(given.contact_preference),
        "attachments": list(given.attachments),
    }


def _given(found: Mapping[str, Any]) -> Given:
    return Given(
        found["text"], found["fields"], found["danger"], found["contactPreference"], tuple(found["attachments"])
    )
