# SPDX-License-Identifier: EUPL-1.2
"""Push what is due of this agency's probes, made to look like its own signals, among its own signals.

Every probe is drawn by the pair's secret (``protocol/probes.py``); what it looks like is drawn here, from the shape of
a real signal of ours: kinds of keys, roles, grounds, basis, urgency, sizes of parts, and who sent it. None of its
values goes into it.
Not here: what its answer is worth (``probe_answers.py``), telling the other agency (``probe_exchange.py``).
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from agency_client.budgets import known_budgets
from agency_client.draft import Draft, DraftKey
from agency_client.submit import UUID_RANDOM, signal_id
from agency_client.vault import Vault
from agency_client.vault.adding import NewSignal
from protocol.covenant_parts import Agency, AgencyKind
from protocol.encoding import format_time, parse_time
from protocol.group import random_bytes
from protocol.ids import KeyId, KeyKind, PartyId, PurposeId
from protocol.keys import quality_of
from protocol.messages import Role, utc
from protocol.policy import PolicyEngine, Push
from protocol.probes import LARGEST_GAP, PATIENCE, PairSecret, Probe, pair_secret, probes_of, week_at
from protocol.signing import Signer

MIXED_FROM: Final = 5
"""New signals of a file from which a probe goes among them: one more does not stand out there."""
ALONE_AFTER: Final = timedelta(days=1)
"""How long a probe of an agency that sends files waits for the next one; after that it goes by itself."""
LOOK_EVERY: Final = timedelta(minutes=10)
"""How often a long file looks for what is due: drawing for hundreds of pairs takes longer than reading a few rows."""
LOOKS: Final = 200
"""Own signals from which the look of a probe is drawn: the newest, as the broker sees them beside it."""
_TRIED: Final = 20
"""Looks that are tried before a probe waits: of an agency's signals most carry a name or a number."""
SPARED: Final = 10
"""Of a key-holder's budget a tenth is never used by probes: they never keep a real signal back."""
_LAST_PUSHES: Final = 20
_ASSOCIATES: Final = 1_000
"""Where the places of associates' keys begin: no two agencies ever agree on those."""
_SINCE: Final = "probes-since"
MARGIN: Final = timedelta(minutes=10)
"""As of any signal (``intake.py``): taken off the longest life that the purpose allows."""


@dataclass(frozen=True, slots=True)
class Due:
    """A probe for which this agency should push, and with whom it is."""

    probe: Probe
    counterpart: PartyId
    at: datetime


@dataclass(slots=True)
class Prober:
    """The probes of one agency."""

    vault: Vault
    signer: Signer
    engine: PolicyEngine
    me: Agency
    clock: Callable[[], datetime]
    _looked_at: datetime | None = None
    _purposes: dict[tuple[AgencyKind, str], tuple[PurposeId, ...]] = field(default_factory=dict)

    # --- Which ---

    @property
    def rate(self) -> int:
        """How many probes a pair and week the covenant wants."""
        return self.engine.covenant.terms.probes.per_pair_per_week

    def pairs(self) -> Iterator[tuple[Agency, tuple[PurposeId, ...]]]:
        """Yield the other agencies with which this one probes, and under which purposes."""
        for other in self.engine.covenant.agencies:
            if other.id != self.me.id and (purposes := self.purposes_with(other)):
                yield other, purposes

    def purposes_with(self, other: Agency) -> tuple[PurposeId, ...]:
        """Return the purposes under which both signal, and both are told of each other by name."""
        covenant, now = self.engine.covenant, self.clock()
        # What rules see of an agency is its kind and its state: asked once for all that are alike.
        alike = (covenant.kind_of(other.id), other.state)
        if alike not in self._purposes:
            both = {covenant.kind_of(self.me.id), alike[0]}
            self._purposes[alike] = tuple(
                name
                for name in sorted(covenant.purposes)
                if both <= covenant.purposes[name].kinds_that("send")
                and all(
                    self.engine.highest_level(*way, name, "probable", now)[0] not in (None, "existence")
                    for way in ((self.me.id, other.id), (other.id, self.me.id))
                )
            )
        return self._purposes[alike]

    def secret_with(self, other: Agency) -> PairSecret | None:
        """Return the pair's secret; None while the covenant's newest key of ours is not the one in this home."""
        mine, theirs = _newest(self.me, self.clock()), _newest(other, self.clock())
        if mine is None or theirs is None or mine[1] != self.signer.public_key:
            return None
        return pair_secret(self.signer, other.id, theirs[0], theirs[1])

    def drawn(self, other: Agency, since: datetime, until: datetime) -> list[Probe]:
        """Return the pair's probes that begin in the weeks of a period."""
        secret = self.secret_with(other)
        if secret is None or not self.rate:
            return []
        purposes = self.purposes_with(other)
        weeks = range(max(0, week_at(since)), week_at(until) + 1)
        return [one for week in weeks for one in probes_of(secret, week, self.rate, purposes, self.engine.covenant)]

    def due(self) -> list[Due]:
        """Return what should be pushed now; what can be no more is let pass."""
        now = self.clock()
        since = self._since(now)
        found, oldest = [], now - LARGEST_GAP - PATIENCE
        known = self.vault.probes.known(week_at(oldest))
        for other, _ in self.pairs():
            for probe in self.drawn(other, oldest, now):
                at = probe.due(self.me.id)
                if not since <= at <= now or (other.id, probe.id) in known:
                    continue
                if now > at + PATIENCE or self.engine.covenant.epoch_at(now) != probe.epoch:
                    self.vault.probes.let_pass(probe, other.id, at)
                else:
                    found.append(Due(probe, other.id, at))
        return sorted(found, key=lambda one: one.at)

    def _since(self, now: datetime) -> datetime:
        kept = self.vault.evidence.setting(_SINCE)
        if kept is None:
            # What was due before this home could know of it was not let pass.
            self.vault.evidence.put_setting(_SINCE, kept := format_time(utc(now)))
        return parse_time(kept)

    # --- Pushing ---

    def mix(self, purposes: frozenset[PurposeId], new: int, now: datetime) -> int:
        """Add what is due among the ``new`` signals of a file that were just added; returns how many.

        They get ids of the same moment, and the batch that carries them is in no order (``tagging.py``).
        """
        if new < MIXED_FROM or (self._looked_at is not None and now - self._looked_at < LOOK_EVERY):
            return 0
        self._looked_at = now
        return sum(self._push(one, now) for one in self.due() if one.probe.purpose in purposes)

    def alone(self) -> int:
        """Add what is due and waits for no file; returns how many."""
        now = self.clock()
        sizes = self.vault.probes.sizes(_LAST_PUSHES)
        by_files = bool(sizes) and statistics.median(sizes) >= MIXED_FROM
        ready = [one for one in self.due() if not by_files or now - one.at >= ALONE_AFTER]
        return sum(self._push(one, now) for one in ready)

    def _push(self, due: Due, now: datetime) -> bool:
        found = self._draft(due, now) if self._affordable(due.probe.purpose, now) else None
        if found is None:
            return False
        (draft, person), purpose = found, due.probe.purpose
        ends = now + timedelta(days=self.engine.covenant.purpose(purpose).retention_days) - MARGIN
        made = signal_id(now, random_bytes(UUID_RANDOM))
        new = NewSignal(made, purpose, draft.reference, draft.to_bytes(), ends, person=person)
        kinds = {key.kind for key in draft.keys if key.role == "subject"} - due.probe.differs
        # Before any other command can see the signal, it is known to be a probe.
        with self.vault.together():
            self.vault.probes.push(due.probe, due.counterpart, due.at, new.id, sorted(kinds), len(draft.keys))
            self.vault.signals.add([new], now)
        return True

    def _affordable(self, purpose: PurposeId, now: datetime) -> bool:
        return all(
            one.budget.left * SPARED > one.budget.used + one.budget.left
            for one in known_budgets(self.vault.evidence, now)
            if one.purpose == purpose
        )

    def _draft(self, due: Due, now: datetime) -> tuple[Draft, str | None] | None:
        """Return a probe's draft and under whose reference it goes: what a person sends must be probed too."""
        looks = self.vault.probes.looks(due.probe.purpose, LOOKS)
        for look in sorted(looks, key=lambda _: random_bytes(8))[:_TRIED]:
            draft = self._like(Draft.from_bytes(look.draft), due)
            subject = [key.kind for key in draft.keys if key.role == "subject"]
            # What differs makes no hit: something else of it must.
            if quality_of(set(subject) - due.probe.differs) in ("hit", "probable") and self._allowed(draft, due, now):
                return draft, look.person
        return None

    def _like(self, look: Draft, due: Due) -> Draft:
        """Return a draft of the same shape, in which every value is another."""
        seen: Counter[tuple[Role, KeyKind]] = Counter()
        keys = []
        for key in look.keys:
            place = seen[key.role, key.kind] + (0 if key.role == "subject" else _ASSOCIATES)
            seen[key.role, key.kind] += 1
            keys.append(DraftKey(key.kind, key.role, due.probe.form(key.kind, place, self.me.id)))
        name = f"probe {self.me.id} {due.counterpart} {due.probe.id.week} {due.probe.id.number}"
        parts = {part: _filler(len(look.part_bytes(part))) for part in look.parts}
        return Draft(
            name,
            name,
            look.grounds,
            look.basis,
            tuple(keys),
            parts,
            look.urgency,
            look.informed,
            None if look.review_on is None else max(look.review_on, self.clock().date() + timedelta(days=1)),
        )

    def _allowed(self, draft: Draft, due: Due, now: datetime) -> bool:
        retention = timedelta(days=self.engine.covenant.purpose(due.probe.purpose).retention_days)
        question = Push(
            agency=self.me.id,
            purpose=due.probe.purpose,
            epoch=due.probe.epoch,
            now=now,
            grounds=draft.grounds,
            basis=draft.basis,
            kinds=tuple(sorted({key.kind for key in draft.keys})),
            expires_at=now + retention - MARGIN,
            informed=draft.informed,
            review_on=draft.review_on,
        )
        return self.engine.decide(question).allowed


def _newest(agency: Agency, now: datetime) -> tuple[KeyId, bytes] | None:
    """Return the name and public key that an agency began to use last: what the other side takes too."""
    valid = [
        key
        for key in agency.signing_keys
        if key.valid_from <= now and (key.valid_until is None or now < key.valid_until)
    ]
    if not valid:
        return None
    key = max(valid, key=lambda one: (one.valid_from, one.id))
    return key.id, key.key


def _filler(size: int) -> dict[str, str]:
    """Return a part that says nothing, of the size of another."""
    return {"unit": "-" * max(1, size - len('{"unit":""}'))}
