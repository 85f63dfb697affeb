# SPDX-License-Identifier: EUPL-1.2
"""Ask who else knows a person, without signalling: own rules first, then pseudonyms, then one signed question.

Question and answer exist in memory only; what stays is the receipt that the question stands in the log. A question is
never repeated by itself, because every one is logged and told to who knows the person. Not here: what an answer must
prove (``ask_checking.py``), where the person comes from (``ask_person.py``), showing (``ask_showing.py``).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from agency_client.ask_checking import Asked, KnownCase, check_answer
from agency_client.doors import BrokerDoor
from agency_client.evaluation import KeyHolders
from agency_client.inbox import Reader
from agency_client.keys import PublishedKeys
from agency_client.processing import digest_of
from agency_client.trail import Trail
from agency_client.vault.evidence import EvidenceShelf
from agency_client.vault.signals import KeptKey
from edge.ldv import UNLOGGED, Works
from protocol.covenant import Covenant
from protocol.errors import Code, InputError, Issue, RefusedError, UnavailableError, VerificationError
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId
from protocol.keys import MatchKey
from protocol.ldv import Work
from protocol.messages import Budget, Justification, QueryAnswer, QueryKey, QueryRequest, parse
from protocol.normalise import Person, Record, normalise
from protocol.policy import PolicyEngine, Query
from protocol.tags import derive_all, match_input

_PERHAPS_ASKED: Final = "If the question arrived, it stands in the log. Asking again is another question."


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, by which keys and why; ``unused`` says which values are left out of it."""

    purpose: PurposeId
    why: Justification
    keys: tuple[MatchKey, ...] = field(repr=False)
    unused: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """What is known, all of it verified; ``place`` is the question's own in the log."""

    question: Question
    at: datetime
    place: int
    cases: tuple[KnownCase, ...]
    budgets: Mapping[PartyId, Budget]
    """Of each key-holder that helped."""


def question_of(person: Person, purpose: PurposeId, why: Justification, covenant: Covenant) -> Question:
    """Return the question about a person, with the keys that the purpose compares.

    Raises ``InputError`` (``invalid_identifier``) when nothing is left to compare, ``NotFoundError`` for a purpose that
    the covenant does not have.
    """
    agreed = covenant.purpose(purpose)
    found = normalise(Record(person))
    keys = tuple(key for key in found.keys if key.kind in agreed.key_kinds)
    left_out = sorted({key.kind for key in found.keys} - set(agreed.key_kinds))
    unused = (
        *found.issues,
        *(Issue(kind, "not-compared", "This purpose does not compare it; it is not sent.") for kind in left_out),
    )
    if not keys:
        raise InputError(
            Code.INVALID_IDENTIFIER,
            "Nothing that you know of this person is compared under this purpose.",
            hint=f"The purpose compares: {', '.join(agreed.key_kinds)}.",
            issues=unused,
        )
    return Question(purpose, why, keys, unused)


def require_allowed(
    agency: PartyId, purpose: PurposeId, kinds: Iterable[KeyKind], engine: PolicyEngine, now: datetime
) -> None:
    """Pass when the agency's own covenant, which is the broker's too, lets it ask by these kinds of key.

    Raises ``RefusedError`` that says where one may ask instead.
    """
    epoch = engine.covenant.epoch_at(now)
    decision = engine.decide(Query(agency, purpose, epoch, now, tuple(sorted(set(kinds))), justified=True))
    if not decision.allowed:
        hint = _instead(agency, engine.covenant)
        raise RefusedError(Code.POLICY_REFUSED, decision.reason, rule=decision.rule, hint=hint)


def _instead(agency: PartyId, covenant: Covenant) -> str:
    kind = covenant.kind_of(agency)
    allowed = [name for name, purpose in covenant.purposes.items() if kind in purpose.kinds_that("query")]
    if allowed:
        return f"Nothing was asked. Your kind of agency may ask under: {', '.join(sorted(allowed))}."
    return (
        "Nothing was asked. Your kind of agency may not ask without signalling. If you have a worry of your own, "
        "signal it: `sluis agency push`; you are told who shares it."
    )


class Asking:
    """Asks for one agency."""

    def __init__(
        self,
        shelf: EvidenceShelf,
        broker: BrokerDoor,
        trail: Trail,
        keys: PublishedKeys,
        holders: KeyHolders,
        reader: Reader,
        engine: PolicyEngine,
        clock: Callable[[], datetime],
        works: Works = UNLOGGED,
    ) -> None:
        self._shelf = shelf
        self._broker = broker
        self._trail = trail
        self._keys = keys
        self._holders = holders
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._works = works

    async def ask(self, question: Question, person: str) -> Answered:
        """Ask, and return what the answer proves; ``person`` is the opaque reference of who asks.

        Raises ``RefusedError`` before anything leaves when the covenant does not allow it, ``VerificationError`` when
        the answer does not hold, after keeping the finding, and ``UnavailableError``; then it has to be asked again.
        """
        self._trail.require_unstopped()
        now = self._clock()
        epoch = self._engine.covenant.epoch_at(now)
        kinds = [key.kind for key in question.keys]
        require_allowed(self._reader.agency, question.purpose, kinds, self._engine, now)
        with self._works.do(Work.QUESTION, question.purpose) as work:
            try:
                keys, request = await self._request(question, epoch)
            except UnavailableError as error:
                raise UnavailableError(error.code, error.detail, hint="Nothing was asked. Try again later.") from None
            work.subject = digest_of(request.keys[0].tag)
            try:
                raw = await self._broker.query(request.to_json(), purpose=question.purpose, person=person)
            except UnavailableError as error:
                raise UnavailableError(error.code, error.detail, hint=error.hint or _PERHAPS_ASKED) from None
        asked = Asked(request, self._reader.agency, person, keys)
        try:
            answer = _read(raw)
            cosigned = await self._trail.admit(answer.checkpoint)
            checked = await asyncio.to_thread(check_answer, answer, cosigned, asked, self._reader)
            if self._shelf.has_receipt(checked.receipt.place):
                # Else one entry would stand for two questions, and the second would be in no log.
                raise VerificationError(Code.RECEIPT_INVALID, "The log's entry is of another question, proven before.")
        except VerificationError as error:
            self._shelf.report(error.code, "answer query", error.detail, self._clock())
            raise
        self._shelf.put_receipt(checked.receipt)
        return Answered(
            question, checked.at, checked.receipt.place, checked.cases, self._holders.budgets(question.purpose)
        )

    async def _request(self, question: Question, epoch: Epoch) -> tuple[Sequence[KeptKey], QueryRequest]:
        published = await self._keys.get(question.purpose, epoch)
        inputs = list(dict.fromkeys(match_input(key.kind, key.normal_form) for key in question.keys))
        purpose = self._engine.covenant.purpose(question.purpose)
        outputs = await self._holders.outputs(published, inputs, purpose.max_batch)
        derived = dict(zip(inputs, await asyncio.to_thread(derive_all, outputs, question.purpose, epoch), strict=True))
        found = [(key, derived[match_input(key.kind, key.normal_form)]) for key in question.keys]
        request = QueryRequest(
            purpose=question.purpose,
            epoch=epoch,
            justification=question.why,
            keys=tuple(QueryKey(kind=key.kind, role=key.role, tag=pair.tag) for key, pair in found),
        )
        return [KeptKey(key.kind, key.role, pair.envelope_key.encoded) for key, pair in found], request


def _read(raw: bytes) -> QueryAnswer:
    try:
        return parse(QueryAnswer, raw)
    except InputError as error:
        raise VerificationError(
            Code.RECEIPT_INVALID, "The broker's answer does not have the agreed form, or lacks its proof."
        ) from error
