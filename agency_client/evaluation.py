# SPDX-License-Identifier: EUPL-1.2
"""Pseudonyms with the help of a quorum of key-holders, whose proofs are checked before anything is used.

A key-holder that cannot be reached is replaced by another; one that answers wrongly is reported, and replaced too. One
that refuses is replaced for that purpose and epoch alone, since a refusal says nothing of other purposes. The published
keys are those that the log proves (``keys.py``). Not here: what the outputs become (``submit.py``).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agency_client.budgets import budget_of
from agency_client.doors import KeyHolderDoor
from agency_client.vault.evidence import EvidenceShelf
from protocol.errors import (
    AuthenticationError,
    Code,
    InputError,
    RefusedError,
    SluisError,
    UnavailableError,
    VerificationError,
)
from protocol.group import Point
from protocol.ids import Epoch, HolderIndex, PartyId, PurposeId
from protocol.messages import MAX_ELEMENTS, Budget, EvaluationRequest
from protocol.oprf import accept, blind, finalise
from protocol.threshold import KeySet, Sharing, combine


@dataclass(frozen=True, slots=True)
class _Answer:
    holder: HolderIndex
    points: list[Point]


class KeyHolders:
    """The key-holders as one: chooses who is asked, and never uses an answer without its proof."""

    def __init__(
        self,
        doors: Sequence[KeyHolderDoor],
        sharing: Sharing,
        shelf: EvidenceShelf,
        clock: Callable[[], datetime],
    ) -> None:
        self._doors: Mapping[HolderIndex, KeyHolderDoor] = {door.index: door for door in doors}
        self._sharing = sharing
        self._shelf = shelf
        self._clock = clock
        self._out: dict[HolderIndex, SluisError] = {}
        self._refused: dict[tuple[PurposeId, Epoch], dict[HolderIndex, RefusedError]] = {}
        self._budgets: dict[PurposeId, dict[HolderIndex, Budget]] = {}

    async def outputs(self, keys: KeySet, inputs: Sequence[bytes], max_batch: int) -> list[bytes]:
        """Return the 64-byte output of every input, in order, made with the key that ``keys`` publishes.

        Raises ``UnavailableError`` when fewer than the threshold can be reached, ``RefusedError`` when they refuse, and
        ``VerificationError`` (``proof_invalid``) when too many answer wrongly. ``policy_refused`` is raised only when
        so many refuse that the others can never be enough: one key-holder alone does not refuse for all.
        """
        size = min(max_batch, MAX_ELEMENTS)
        outputs: list[bytes] = []
        for start in range(0, len(inputs), size):
            outputs += await self._chunk(keys, inputs[start : start + size])
        return outputs

    async def _chunk(self, keys: KeySet, inputs: Sequence[bytes]) -> list[bytes]:
        blinded = await asyncio.to_thread(blind, inputs)
        encoded = tuple(point.encoded for point in blinded.elements)
        answers: list[_Answer] = []
        while len(answers) < self._sharing.threshold:
            quorum = self._quorum(keys)
            request = EvaluationRequest(purpose=keys.purpose, epoch=keys.epoch, quorum=quorum, elements=encoded)
            asked = await asyncio.gather(*(self._ask(holder, keys, request, blinded.elements) for holder in quorum))
            answers = [answer for answer in asked if answer is not None]
        combined = await asyncio.to_thread(combine, {answer.holder: answer.points for answer in answers})
        return await asyncio.to_thread(finalise, inputs, blinded.blinds, combined)

    def _quorum(self, keys: KeySet) -> tuple[HolderIndex, ...]:
        """Return the first key-holders that are not out and do not refuse this, as many as are needed."""
        refused = self._refused.get((keys.purpose, keys.epoch), {})
        there = sorted(index for index in self._doors if index not in self._out and index not in refused)
        if len(there) >= self._sharing.threshold:
            return tuple(there[: self._sharing.threshold])
        raise self._too_few(refused, len(there))

    def _too_few(self, refused: Mapping[HolderIndex, RefusedError], there: int) -> SluisError:
        policy = {index: error for index, error in refused.items() if error.code is Code.POLICY_REFUSED}
        if len(policy) > self._sharing.holders - self._sharing.threshold:
            return policy[min(policy)]
        # A false proof says more than what is refused for now, and that more than a silence beside it.
        for_now = [error for index, error in sorted(refused.items()) if index not in policy]
        for kind in (VerificationError, RefusedError, AuthenticationError, InputError):
            for error in (*self._out.values(), *for_now):
                if isinstance(error, kind):
                    return error
        for error in self._out.values():
            if error.code is Code.COVENANT_EXPIRED:
                return error
        silent = [self._doors[index].party for index in sorted(self._out)]
        refusing = [
            f"{self._doors[index].party} refuses ({error.code}{f', rule {error.rule}' if error.rule else ''})"
            for index, error in sorted(policy.items())
        ]
        names = ", ".join(silent + refusing)
        answers = "none answers" if not there else "only one answers" if there == 1 else f"only {there} answer"
        return UnavailableError(
            Code.UNAVAILABLE,
            f"{_number(self._sharing.threshold).capitalize()} of {_number(self._sharing.holders)} key-holders are "
            f"needed and {answers} (not {names}).",
            hint="Nothing is lost. Run `sluis agency send` when they are back.",
        )

    async def _ask(
        self, holder: HolderIndex, keys: KeySet, request: EvaluationRequest, elements: Sequence[Point]
    ) -> _Answer | None:
        """Return a proven answer, or None after marking the key-holder as out."""
        door = self._doors[holder]
        try:
            answer = await door.evaluate(request)
            if answer.holder != holder or len(answer.elements) != len(elements):
                raise VerificationError(Code.PROOF_INVALID, "The key-holder answered another question.")
            public = keys.public(holder, request.quorum)
            points = await asyncio.to_thread(accept, public, elements, answer.elements, answer.proof)
        except VerificationError as error:
            self._shelf.report(error.code, f"key-holder {door.party}", error.detail, self._clock())
            self._out[holder] = error
            return None
        except RefusedError as error:
            self._refused.setdefault((keys.purpose, keys.epoch), {})[holder] = error
            if (left := budget_of(error)) is not None:
                self._budgets.setdefault(keys.purpose, {})[holder] = left
            return None
        except SluisError as error:
            # Silent, or not to be understood: another key-holder may do better.
            self._out[holder] = error
            return None
        self._budgets.setdefault(keys.purpose, {})[holder] = answer.budget
        return _Answer(holder, points)

    def budgets(self, purpose: PurposeId) -> dict[PartyId, Budget]:
        """Return what each key-holder that answered said last of the agency's budget; nothing proves it."""
        return {self._doors[holder].party: budget for holder, budget in sorted(self._budgets.get(purpose, {}).items())}

    def heard_budgets(self) -> dict[tuple[PurposeId, PartyId], Budget]:
        """Return what each key-holder said last of each purpose's budget."""
        return {
            (purpose, self._doors[holder].party): budget
            for purpose, said in self._budgets.items()
            for holder, budget in said.items()
        }

    def silent(self) -> dict[PartyId, SluisError]:
        """Return who is not asked any more now, and why: silent, or a false answer."""
        return {self._doors[index].party: error for index, error in sorted(self._out.items())}

    def forget_silence(self) -> None:
        """Try all key-holders again, also where they refused; not those that answered wrongly in this program's run."""
        self._refused.clear()
        self._out = {index: error for index, error in self._out.items() if isinstance(error, VerificationError)}


def _number(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return words[number] if number < len(words) else str(number)
