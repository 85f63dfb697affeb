# SPDX-License-Identifier: EUPL-1.2
"""The broker in memory as people change signals there: restricted, lifted, extended; recipients told and answering.

Honest; a test bends one thing at a time. Not here: the real store.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from protocol.changes import Extension, Restriction
from protocol.events import Event
from protocol.ids import HitId, PartyId, PurposeId, SignalId
from protocol.messages import Evidence, parse
from protocol.notices import AcknowledgedNotice, HitNotice, LiftedNotice, Notice, RestrictedNotice
from tests.fakes.follow_up_desk import mine_of
from tests.fakes.small_world import NOW, PURPOSE, AgencyDoor, MemoryBroker, Told, _stored, _verified


class ChangeDesk(AgencyDoor):
    """A door that takes changes of signals."""

    def __init__(self, broker: MemoryBroker, agency: PartyId) -> None:
        super().__init__(broker, agency)
        self.extended = 0

    async def post(
        self, path: str, body: bytes, *, idempotency_key: str, purpose: PurposeId | None, person: str | None
    ) -> bytes:
        """Take a request."""
        what = path.rsplit("/", 1)[1]
        if what not in ("restriction", "extension"):
            raw = await super().post(path, body, idempotency_key=idempotency_key, purpose=purpose, person=person)
            if path.startswith("/v1/notices/"):
                self._tell_sender(int(path.split("/")[3]))
            return raw
        self._require_up()
        self.broker.posts.append((path, idempotency_key))
        key = (self.agency, idempotency_key)
        if key not in self.broker._acts:
            stored = self.broker.signals[SignalId(UUID(path.split("/")[3]))]
            by, signal = _verified(self.agency, body, person), _stored(stored)
            if what == "extension":
                self.extended += 1
                event = self.broker.recorder.extended(signal, by, parse(Extension, body), self.extended, NOW).event
            else:
                asked = parse(Restriction, body)
                event = self.broker.recorder.restricted(signal, by, asked, NOW).event
                hide(self.broker, stored.signal.id, asked)
            self.broker._acts[key] = self.broker.log.add(self.logged(event))
        return self.broker._act(self.agency, idempotency_key).to_json()

    def logged(self, event: Event) -> Event:
        """Return what is put in the log; a dishonest broker puts something else."""
        return event

    def _tell_sender(self, seq: int) -> None:
        told: Any = self.broker.told[self.agency][seq - 1].notice
        sender = next(one for one in self._parties(told.hit_id) if one != self.agency)
        tell(self.broker, sender, told.hit_id, "acknowledged", change=told.type)

    def _parties(self, hit: HitId) -> list[PartyId]:
        return [self.broker.signals[signal].agency for signal in self.broker.hits[hit]]


_HIDDEN: dict[int, set[SignalId]] = {}


def hide(broker: MemoryBroker, signal: SignalId, asked: Restriction) -> None:
    """Keep a signal's parts back, or give them again; tell whoever was told of it."""
    for hit, pair in broker.hits.items():
        if signal in pair:
            other = broker.signals[pair[0] if pair[1] == signal else pair[1]].agency
            tell(broker, other, hit, "restricted" if asked.restricted else "lifted", reason=asked.reason)
    keep_back(broker, signal, asked.restricted)


def keep_back(broker: MemoryBroker, signal: SignalId, on: bool) -> None:
    """Keep a signal's parts back, or give them again, whoever was told what."""
    hidden = _HIDDEN.setdefault(id(broker), set())
    (hidden.add if on else hidden.discard)(signal)
    before = MemoryBroker._left_of

    def left_of(notice: Notice) -> Notice:
        left = before(broker, notice)
        if isinstance(left, HitNotice) and left.counterpart is not None and left.counterpart.signal_id in hidden:
            return left.model_copy(
                update={"counterpart": left.counterpart.model_copy(update={"parts": (), "wraps": ()})}
            )
        return left

    broker._left_of = left_of  # type: ignore[method-assign]


def tell(broker: MemoryBroker, agency: PartyId, hit: HitId, what: Any, **more: Any) -> None:
    """Tell an agency something about a hit."""
    rows, mine = broker.told.setdefault(agency, []), mine_of(broker, agency, hit)
    event = broker.recorder.hit_said(agency, PURPOSE, len(rows) + 1, hit, mine, what, NOW).event
    place, made = broker.log.add(event)
    kinds: dict[str, Any] = {"restricted": RestrictedNotice, "lifted": LiftedNotice, "acknowledged": AcknowledgedNotice}
    evidence = Evidence(index=place, opening=made.opening, proof=())
    notice = kinds[what](seq=len(rows) + 1, at=NOW, hit_id=hit, my_signal=mine, evidence=evidence, **more)
    rows.append(Told(notice, place, made))


def bent(event: Event, **changes: Any) -> Event:
    """Return an event that says something else."""
    return replace(event, **changes)
