# SPDX-License-Identifier: EUPL-1.2
"""Collect what the log has about one citizen: pseudonyms of all live purposes and epochs, one signed request, checked.

Only digests of pseudonyms leave, and ids of own signals. Every collecting is a consultation and is logged, with case
and reason. What an earlier epoch's pseudonyms would find is found by own signals instead (``subject_person.py``).
Not here: what an answer must prove (``subject_checking.py``), the report (``subject_report.py``).
Spec: ``protocol/spec/subject-access.md``.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from agency_client.evaluation import KeyHolders
from agency_client.keys import PublishedKeys
from agency_client.signed_versions import SignedVersions
from agency_client.subject_checking import AskedSubject, CheckedSubject, check_found
from agency_client.subject_person import KnownEntry, OwnSignal, Sought, known_entries, own_signals
from agency_client.trail import Trail
from agency_client.vault import Vault
from edge.ldv import UNLOGGED, Works
from protocol.commitments import tag_digest
from protocol.errors import Code, InputError, RefusedError, UnavailableError, VerificationError
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId, SignalId
from protocol.ldv import DataSubject, Work
from protocol.messages import Budget, Justification, parse
from protocol.policy import Decision, Evaluate, PolicyEngine, SubjectRequest
from protocol.questions import PersonRole
from protocol.subject_requests import MAX_OWN, PurposeTags, SubjectFound, SubjectSearch
from protocol.tags import derive_all, match_input

ROLE: Final[PersonRole] = "privacy-officer"
"""Who answers citizens: no permit of any purpose names another (``policies/``)."""
_PERHAPS_ASKED: Final = "If the request arrived, it stands in the log. Asking again is logged again."


class SubjectDoor(Protocol):
    """The broker, as far as it is asked for this."""

    async def subject_request(self, body: bytes, *, person: str, role: PersonRole) -> bytes:
        """Return what the asker may see of the log's entries about a person. Every call is another consultation."""


@dataclass(frozen=True, slots=True)
class Scope:
    """For which purposes a citizen is answered here, and which are not this agency's to answer for, by which rule."""

    answered: tuple[PurposeId, ...]
    declined: Mapping[PurposeId, Decision]


@dataclass(frozen=True, slots=True)
class Collected:
    """All that was found, verified."""

    scope: Scope
    epochs: Mapping[PurposeId, tuple[Epoch, ...]]
    """Of which the person's pseudonyms were made."""
    checked: CheckedSubject
    own: Mapping[SignalId, OwnSignal] = field(repr=False)
    kinds: Mapping[bytes, KeyKind] = field(repr=False)
    """Of the person's digests."""
    budgets: Mapping[PurposeId, Mapping[PartyId, Budget]]

    @property
    def versions(self) -> frozenset[str]:
        """The hashes of the covenants under which it was all done."""
        found = [*(one.event for one in self.checked.entries), self.checked.report]
        return frozenset(event.act.covenant.sha256 for event in found)


def scope_of(agency: PartyId, engine: PolicyEngine, now: datetime) -> Scope:
    """Return for which purposes the covenant lets this agency answer a citizen.

    Raises ``RefusedError`` when there is none.
    """
    asked = {
        purpose: engine.decide(SubjectRequest(agency, purpose, ROLE, now))
        for purpose in sorted(engine.covenant.purposes)
    }
    answered = tuple(purpose for purpose, decision in asked.items() if decision.allowed)
    declined = {purpose: decision for purpose, decision in asked.items() if not decision.allowed}
    if not answered:
        decision = next(iter(declined.values()))
        raise RefusedError(
            Code.POLICY_REFUSED,
            decision.reason,
            rule=decision.rule,
            hint="The covenant lets your agency answer citizens for no purpose. Nothing was asked.",
        )
    return Scope(answered, declined)


class SubjectSearching:
    """Collects for one agency's privacy officer."""

    def __init__(
        self,
        vault: Vault,
        broker: SubjectDoor,
        trail: Trail,
        keys: PublishedKeys,
        holders: KeyHolders,
        versions: SignedVersions,
        engine: PolicyEngine,
        agency: PartyId,
        clock: Callable[[], datetime],
        works: Works = UNLOGGED,
    ) -> None:
        self._vault = vault
        self._broker = broker
        self._trail = trail
        self._keys = keys
        self._holders = holders
        self._versions = versions
        self._engine = engine
        self._agency = agency
        self._clock = clock
        self._works = works

    async def collect(self, sought: Sought, why: Justification, person: str) -> Collected:
        """Collect, and return what the answer proves; ``person`` is the opaque reference of the privacy officer.

        Raises ``RefusedError`` before anything leaves when the covenant allows it for no purpose, ``VerificationError``
        when the answer does not hold, after keeping the finding, and ``UnavailableError``.
        """
        self._trail.require_unstopped()
        scope = scope_of(self._agency, self._engine, self._clock())
        own = await asyncio.to_thread(own_signals, self._vault, sought)
        own = {signal: one for signal, one in own.items() if one.kept.purpose in scope.answered}
        with self._works.do(Work.CITIZEN, None) as work:
            tags, kinds = await self._tags(sought, scope)
            work.subject = DataSubject("urn:sluis:tag-digest", min(kinds).hex()) if kinds else None
            signals = tuple(sorted(own))[-MAX_OWN:]
            known = await asyncio.to_thread(known_entries, self._vault, signals, kinds.keys(), scope.answered)
            known = known[-MAX_OWN:]
            request = SubjectSearch(
                justification=why,
                purposes=scope.answered,
                tags=tags,
                signals=signals,
                known=tuple(one.place for one in known),
            )
            checked = await self._ask(AskedSubject(request, self._agency, person), known)
        return Collected(
            scope,
            {purpose: tuple(one.epoch for one in tags if one.purpose == purpose) for purpose in scope.answered},
            checked,
            own,
            kinds,
            {purpose: self._holders.budgets(purpose) for purpose in scope.answered},
        )

    async def _tags(self, sought: Sought, scope: Scope) -> tuple[tuple[PurposeTags, ...], dict[bytes, KeyKind]]:
        now, covenant = self._clock(), self._engine.covenant
        groups: list[PurposeTags] = []
        kinds: dict[bytes, KeyKind] = {}
        for purpose in scope.answered:
            for epoch in covenant.live_epochs(now):
                if not self._engine.decide(Evaluate(self._agency, purpose, epoch, now)).allowed:
                    continue
                found = await self._digests(sought, purpose, epoch)
                if found:
                    kinds |= found
                    groups.append(PurposeTags(purpose=purpose, epoch=epoch, tag_digests=tuple(sorted(found))))
        return tuple(groups), kinds

    async def _digests(self, sought: Sought, purpose: PurposeId, epoch: Epoch) -> dict[bytes, KeyKind]:
        agreed = self._engine.covenant.purpose(purpose)
        by_input = {
            match_input(key.kind, key.normal_form): key.kind for key in sought.keys if key.kind in agreed.key_kinds
        }
        if not by_input:
            return {}
        try:
            published = await self._keys.get(purpose, epoch)
            outputs = await self._holders.outputs(published, list(by_input), agreed.max_batch)
        except UnavailableError as error:
            raise UnavailableError(
                error.code, error.detail, hint="The broker was asked nothing. Try again later."
            ) from None
        derived = await asyncio.to_thread(derive_all, outputs, purpose, epoch)
        return {tag_digest(pair.tag): kind for pair, kind in zip(derived, by_input.values(), strict=True)}

    async def _ask(self, asked: AskedSubject, known: list[KnownEntry]) -> CheckedSubject:
        try:
            raw = await self._broker.subject_request(asked.request.to_json(), person=asked.person, role=ROLE)
        except UnavailableError as error:
            raise UnavailableError(error.code, error.detail, hint=error.hint or _PERHAPS_ASKED) from None
        try:
            found = _read(raw)
            cosigned = await self._trail.admit(found.checkpoint)
            await asyncio.to_thread(self._versions.fetch, [*found.entries, found.report])
            checked = await asyncio.to_thread(check_found, found, cosigned, asked, known, self._versions)
            if self._vault.evidence.has_receipt(checked.receipt.place):
                # Else one entry would stand for two consultations, and the second would be in no log.
                raise VerificationError(Code.RECEIPT_INVALID, "The log's entry is of another request, proven before.")
        except VerificationError as error:
            self._vault.evidence.report(error.code, "answer subject request", error.detail, self._clock())
            raise
        self._vault.evidence.put_receipt(checked.receipt)
        return checked


def _read(raw: bytes) -> SubjectFound:
    try:
        return parse(SubjectFound, raw)
    except InputError as error:
        raise VerificationError(
            Code.RECEIPT_INVALID, "The broker's answer does not have the agreed form, or lacks its proof."
        ) from error
