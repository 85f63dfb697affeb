# SPDX-License-Identifier: EUPL-1.2
"""A log that holds one event of each kind, done under a covenant of a test, with its receipts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.commitments import Committed, leaf_of, parse_opening, without_subject
from protocol.messages import Evidence, Opening, parse
from protocol.receipts import write_receipt
from tests.fakes.covenants import CovenantKit
from tests.fakes.small_world import MemoryLog

_VECTORS = Path(__file__).parents[1] / "vectors/events.json"


def openings(covenant: Mapping[str, str] | None = None) -> dict[str, Opening]:
    """Return an opening of every kind of event, by its name; done under this covenant unless it is left as it is."""
    changed: dict[str, Any] = {} if covenant is None else {"covenant": dict(covenant)}
    return {
        case["name"]: parse(
            Opening, json.dumps(case["opening"] | {"record": case["opening"]["record"] | changed}).encode()
        )
        for case in json.loads(_VECTORS.read_text())["events"]
    }


@dataclass
class ReceiptLog:
    """A log that holds these openings, in their order."""

    kit: CovenantKit
    held: Sequence[Opening]

    def __post_init__(self) -> None:
        self.log = MemoryLog(self.kit)
        for opening in self.held:
            self.log.add_leaf(leaf_of(opening))

    def grow(self, more: Sequence[Opening]) -> None:
        """Append entries whose receipts nobody wants."""
        for opening in more:
            self.log.add_leaf(leaf_of(opening))

    def evidence(self, index: int) -> Evidence:
        """Return the evidence of an entry in the head."""
        opening = self.held[index]
        return self.log.evidence(index, Committed(parse_opening(opening), opening, self.log.leaves[index]))

    def receipt(self, index: int, *, witnesses: int = 2, bare: bool = False) -> bytes:
        """Return the receipt of an entry in the head; ``bare`` leaves the subject part out."""
        evidence = self.evidence(index)
        if bare:
            evidence = evidence.model_copy(update={"opening": without_subject(evidence.opening)})
        return write_receipt(evidence, self.log.checkpoint(witnesses)).encode()


def receipts_of(kit: CovenantKit) -> dict[str, bytes]:
    """Return a receipt of every kind of event, by its name, done under the kit's covenant."""
    held = openings({"version": kit.covenant.version, "sha256": kit.covenant.sha256})
    log = ReceiptLog(kit, list(held.values()))
    return {name: log.receipt(place) for place, name in enumerate(held)}
