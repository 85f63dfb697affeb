# SPDX-License-Identifier: EUPL-1.2
"""The broker in memory as a coordinator reaches it: steps of follow-up, by the real table; lateness and doubts.

Honest; a test bends one thing at a time by its arguments. Not here: the real store.
"""

from datetime import datetime
from uuid import UUID

from broker.interfaces import StoredFollowUp
from protocol.errors import Code, ConflictError, NotFoundError
from protocol.events import Event
from protocol.follow_ups import Acknowledgement, FollowUpState, HitOutcome, Step, after
from protocol.ids import HitId, PartyId, PurposeId, SignalId
from protocol.messages import Evidence, parse
from protocol.notices import DoubtedNotice, LateNotice
from tests.fakes.small_world import NOW, PURPOSE, AgencyDoor, MemoryBroker, Told, _verified


class FollowUpDesk(AgencyDoor):
    """A door that takes steps of follow-up."""

    def __init__(self, broker: MemoryBroker, agency: PartyId) -> None:
        super().__init__(broker, agency)
        self.states: dict[HitId, FollowUpState] = {}

    async def post(
        self, path: str, body: bytes, *, idempotency_key: str, purpose: PurposeId | None, person: str | None
    ) -> bytes:
        """Take a request."""
        if not path.startswith("/v1/hits/") or path.endswith("/opening"):
            return await super().post(path, body, idempotency_key=idempotency_key, purpose=purpose, person=person)
        self._require_up()
        self.broker.posts.append((path, idempotency_key))
        hit = HitId(UUID(path.split("/")[3]))
        if (self.agency, idempotency_key) not in self.broker._acts:
            step: Step = "closed"
            outcome = None
            if path.endswith("/outcome"):
                outcome = parse(HitOutcome, body).outcome
            else:
                step = parse(Acknowledgement, body).step
            event = self.logged(self._step(hit, step, outcome, body, person))
            self.broker._acts[(self.agency, idempotency_key)] = self.broker.log.add(event)
        return self.broker._act(self.agency, idempotency_key).to_json()

    def logged(self, event: Event) -> Event:
        """Return what is put in the log; a dishonest broker puts something else."""
        return event

    def _step(self, hit: HitId, step: Step, outcome: str | None, body: bytes, person: str | None) -> Event:
        before = self.states.get(hit, FollowUpState.OPEN)
        mine = mine_of(self.broker, self.agency, hit)
        state = after(before, step)
        if state is None:
            raise ConflictError(Code.CONFLICT, "A colleague was first.")
        self.states[hit] = state
        found = StoredFollowUp(mine, mine, PURPOSE, self.broker.signals[mine].signal.epoch, state, canary=False)
        by = _verified(self.agency, body, person)
        return self.broker.recorder.followed_up(hit, by, found, step, outcome, NOW).event


def mine_of(broker: MemoryBroker, agency: PartyId, hit: HitId) -> SignalId:
    """Return an agency's own signal of a hit."""
    for signal in broker.hits.get(hit, ()):
        if broker.signals[signal].agency == agency:
            return signal
    raise NotFoundError(Code.NOT_FOUND, "This agency was not told of such a hit.")


def tell_late(broker: MemoryBroker, agency: PartyId, hit: HitId, due: datetime, at: datetime | None = None) -> None:
    """Tell an agency that it did not follow up a hit."""
    rows, mine, at = broker.told.setdefault(agency, []), mine_of(broker, agency, hit), at or due
    event = broker.recorder.hit_said(agency, PURPOSE, len(rows) + 1, hit, mine, "late", at).event
    place, made = broker.log.add(event)
    evidence = Evidence(index=place, opening=made.opening, proof=())
    notice = LateNotice(seq=len(rows) + 1, at=at, hit_id=hit, my_signal=mine, due_since=due, evidence=evidence)
    rows.append(Told(notice, place, made))


def tell_doubted(broker: MemoryBroker, agency: PartyId, hit: HitId, reason: str = "not-the-same-person") -> None:
    """Tell an agency that the other side says that it is another person."""
    rows, mine = broker.told.setdefault(agency, []), mine_of(broker, agency, hit)
    event = broker.recorder.hit_said(agency, PURPOSE, len(rows) + 1, hit, mine, "doubted", NOW).event
    place, made = broker.log.add(event)
    evidence = Evidence(index=place, opening=made.opening, proof=())
    notice = DoubtedNotice(seq=len(rows) + 1, at=NOW, hit_id=hit, my_signal=mine, reason=reason, evidence=evidence)
    rows.append(Told(notice, place, made))
