# SPDX-License-Identifier: EUPL-1.2
"""What came of the probes: whether each got its hit in time, and a finding when the broker owes one.

An alarm needs all of this, so that nobody is accused because somebody else was offline: the log has both signals, as
proven here; what they must agree on makes a hit that we are told of; the time for it is over by the later of both
registrations; and after that time, while our signal stood, all notices were read. Spec: ``protocol/spec/probes.md``.
Not here: pushing (``probing.py``), the other agency's word (``probe_exchange.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agency_client.states import SignalState
from agency_client.vault import Vault
from agency_client.vault.hits import KeptHit
from agency_client.vault.probes import KeptProbe, ProbeState
from agency_client.vault.signals import Kept
from protocol.covenant import Covenant
from protocol.encoding import format_time, parse_time
from protocol.errors import Code
from protocol.messages import Opening
from protocol.probes import PATIENCE

_ENDED: Final = frozenset({SignalState.REFUSED, SignalState.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Answers:
    """Looks after the answers of one agency's probes."""

    vault: Vault
    covenant: Covenant
    clock: Callable[[], datetime]

    @property
    def answer_time(self) -> timedelta:
        """Within which both must hear of their hit, after the later of the two signals."""
        return timedelta(hours=self.covenant.terms.probes.answer_hours)

    def note_read(self) -> None:
        """Keep that all notices there are were read now; called when a reading came to its end."""
        now = self.clock()
        standing = [one for one in self.vault.probes.open() if self._stands(one, now)]
        if standing:
            self.vault.probes.note_read(standing, now)

    def assess(self) -> None:
        """Look at every probe of which something can still come, and keep a finding for each new alarm."""
        now = self.clock()
        for probe in self.vault.probes.open():
            if probe.state is ProbeState.UNANSWERED and not probe.theirs and now > self.covenant.epoch_end(probe.epoch):
                continue  # Nothing more comes of it, until the other agency is asked.
            found = self._state_of(probe)
            if found is not probe.state:
                self.vault.probes.settle(probe, found)
                self._alarm(probe, found)

    def _state_of(self, probe: KeptProbe) -> ProbeState:
        if probe.signal is None:
            return probe.state
        mine = self.vault.evidence.registered([probe.signal]).get(probe.signal)
        due = None if mine is None or probe.their_at is None else max(mine, probe.their_at) + self.answer_time
        hit = self._hit(probe)
        if hit is not None:
            # One that was missing is late whatever the log says of times: it was not there when it was due.
            if probe.state is ProbeState.MISSING or (due is not None and hit.notice.at > due):
                return ProbeState.LATE
            return ProbeState.ANSWERED
        if probe.state is ProbeState.MISSING:
            return ProbeState.MISSING
        signal = self.vault.signals.get(probe.signal)
        if probe.theirs and (probe.their_at is None or probe.quality is None):
            return ProbeState.VOID
        if due is not None and probe.read_at is not None and due < probe.read_at:
            return ProbeState.MISSING
        if signal.state in _ENDED or (signal.epoch is not None and signal.epoch != probe.epoch):
            return ProbeState.VOID
        last = max(probe.their_due + PATIENCE, mine or probe.their_due) + self.answer_time
        if self.clock() <= last:
            return ProbeState.PUSHED
        # After its signal's end nothing can be learnt any more, and nothing was: it stays a question to the other.
        return ProbeState.UNANSWERED if self._readable(probe, signal) else ProbeState.VOID

    def _readable(self, probe: KeptProbe, signal: Kept) -> bool:
        """Say whether notices were, or can still be, read while our signal stands."""
        return probe.read_at is not None or self._stands(probe, self.clock())

    def _hit(self, probe: KeptProbe) -> KeptHit | None:
        if probe.signal is None:
            return None
        for hit in self.vault.hits.of_signal(probe.signal):
            other = hit.notice.counterpart
            if other is not None and other.agency == probe.counterpart:
                return hit
        return None

    def _stands(self, probe: KeptProbe, now: datetime) -> bool:
        if probe.signal is None:
            return False
        signal = self.vault.signals.get(probe.signal)
        return (
            signal.state is SignalState.ACCEPTED
            and now < parse_time(signal.expires_at)
            and now < self.covenant.epoch_end(probe.epoch)
        )

    def _alarm(self, probe: KeptProbe, state: ProbeState) -> None:
        if state not in (ProbeState.MISSING, ProbeState.LATE) or probe.signal is None:
            return
        registered = self.vault.probes.registration(probe.signal)
        ours = "" if registered is None else _shown(*registered)
        place = f"probe {probe.counterpart} {probe.id.week}-{probe.id.number}"
        if state is ProbeState.MISSING:
            detail = (
                f"The log has our signal and {probe.counterpart}'s about one made-up person, and no hit was told "
                f"within {self.covenant.terms.probes.answer_hours} hours: the broker withheld it."
            )
            code = Code.PROBE_UNANSWERED
        else:
            hit = self._hit(probe)
            when = "" if hit is None else f", at {format_time(hit.notice.at)}"
            detail = f"The hit of a made-up person with {probe.counterpart} was told after its time{when}."
            code = Code.PROBE_LATE
        self.vault.evidence.report(code, place, detail, self.clock(), ours=ours, theirs=probe.theirs)


def _shown(index: int, opening: Opening) -> str:
    return f'{{"index":{index},"opening":{opening.to_json().decode()}}}'
