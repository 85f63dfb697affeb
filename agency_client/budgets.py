# SPDX-License-Identifier: EUPL-1.2
"""What is used and left of this agency's budgets, as each key-holder said last; nothing proves it, and nobody is asked.

Not here: what a budget is (the covenant), asking for evaluations (``evaluation.py``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agency_client.vault.evidence import EvidenceShelf
from protocol.encoding import Json, format_time, parse_time
from protocol.errors import Code, InputError, RefusedError
from protocol.ids import PartyId, PurposeId
from protocol.messages import Budget

_KEPT: Final = "budgets"
_FIELDS: Final = {"budget.used": "used", "budget.left": "left", "budget.renewsAt": "renewsAt"}


@dataclass(frozen=True, slots=True)
class KnownBudget:
    """One key-holder's word about one purpose."""

    purpose: PurposeId
    holder: PartyId
    budget: Budget

    @property
    def words(self) -> str:
        """The budget for people: used, left, and when it renews."""
        said = self.budget
        return (
            f"Budget of {self.purpose} at {self.holder}: {said.used:,} used, {said.left:,} left; "
            f"renews at {said.renews_at:%Y-%m-%d %H:%M} UTC."
        )

    @property
    def json(self) -> dict[str, Json]:
        """The budget for programs."""
        said = self.budget
        return {
            "purpose": self.purpose,
            "keyHolder": self.holder,
            "used": said.used,
            "left": said.left,
            "renewsAt": format_time(said.renews_at),
        }


def budget_of(refusal: RefusedError) -> Budget | None:
    """Return the budget that a key-holder's refusal tells; ``None`` when it tells none that can be understood."""
    if refusal.code is not Code.BUDGET_EXHAUSTED:
        return None
    said = {_FIELDS[issue.location]: issue.message for issue in refusal.issues if issue.location in _FIELDS}
    try:
        return Budget(used=int(said["used"]), left=int(said["left"]), renews_at=parse_time(said["renewsAt"]))
    except (KeyError, ValueError, InputError):
        return None


def keep_budgets(shelf: EvidenceShelf, heard: Mapping[tuple[PurposeId, PartyId], Budget]) -> None:
    """Keep what was heard; who was not asked is left as it was."""
    if heard:
        fresh: list[Json] = [KnownBudget(purpose, party, budget).json for (purpose, party), budget in heard.items()]
        known = [one.json for one in _read(shelf) if (one.purpose, one.holder) not in heard]
        shelf.put_setting(_KEPT, json.dumps([*known, *fresh]))


def known_budgets(shelf: EvidenceShelf, now: datetime) -> list[KnownBudget]:
    """Return the budgets that have not been renewed since they were told, in order of purpose and key-holder."""
    current = [one for one in _read(shelf) if one.budget.renews_at > now]
    return sorted(current, key=lambda one: (one.purpose, one.holder))


def scarcest(known: list[KnownBudget]) -> list[KnownBudget]:
    """Return for each purpose the budget with the least left: it is what stops a push first."""
    found: dict[PurposeId, KnownBudget] = {}
    for one in known:
        if one.purpose not in found or one.budget.left < found[one.purpose].budget.left:
            found[one.purpose] = one
    return list(found.values())


def _read(shelf: EvidenceShelf) -> list[KnownBudget]:
    return [
        KnownBudget(
            PurposeId(one["purpose"]),
            PartyId(one["keyHolder"]),
            Budget(used=one["used"], left=one["left"], renews_at=parse_time(one["renewsAt"])),
        )
        for one in json.loads(shelf.setting(_KEPT) or "[]")
    ]
