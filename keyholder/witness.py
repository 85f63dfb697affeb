# SPDX-License-Identifier: EUPL-1.2
"""The key-holder as a witness of the log: cosign a checkpoint only when it extends the last one, never forgotten.

The rule is ``protocol/witness_rules.py``; here the last checkpoint is read, replaced and kept in one transaction, and
only what is on the disk is cosigned. Spec: ``protocol/spec/checkpoint.md`` (C2SP tlog-witness). Not here: HTTP
(``routes.py``).
"""

from dataclasses import dataclass
from datetime import datetime

from keyholder.ledger import Contradiction, Ledger, Witnessed
from protocol.checkpoint import Checkpoint, cosign
from protocol.note import LogKey, WitnessSigner
from protocol.witness_rules import NOTE_TYPE, WitnessDecision, witness_update


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """What is answered over HTTP; ``forked`` when the log was caught signing two checkpoints that deny each other."""

    status: int
    body: bytes
    content_type: str
    size: int | None = None
    forked: bool = False


class Witness:
    """Witnesses one log, the covenant's."""

    def __init__(self, ledger: Ledger, log_key: LogKey, signer: WitnessSigner) -> None:
        self._ledger = ledger
        self._log_key = log_key
        self._signer = signer

    def of_log(self, log_key: LogKey) -> "Witness":
        """Return the same witness for a log with another key; what it saw of a log by that name still counts."""
        return Witness(self._ledger, log_key, self._signer)

    def add_checkpoint(self, request: bytes, now: datetime) -> WitnessAnswer:
        """Answer one request of ``POST /add-checkpoint``. Raises ``UnavailableError`` when nothing could be kept."""
        origin = self._log_key.name
        seen: list[Witnessed] = []

        def decide(last: Witnessed | None) -> tuple[WitnessDecision, Witnessed | None]:
            seen[:] = [last] if last is not None else []
            before = Checkpoint(origin, last.size, last.root) if last is not None else None
            decision = witness_update(before, request, self._log_key)
            new = decision.new_checkpoint
            return decision, Witnessed(new.size, new.root, _note(request)) if new is not None else None

        decision = self._ledger.advance(origin, now, decide)
        new = decision.new_checkpoint
        if new is not None:
            line = cosign(new, self._signer, now)
            return WitnessAnswer(decision.status, line.encode(), NOTE_TYPE, size=new.size)
        if decision.contradiction is not None and seen:
            kept = Contradiction(now, origin, seen[0].size, decision.contradiction, seen[0].note)
            self._ledger.keep_contradiction(kept)
        return WitnessAnswer(
            decision.status, decision.body, decision.content_type, forked=decision.contradiction is not None
        )

    def last_note(self) -> str | None:
        """Return the last checkpoint that was cosigned, as the log signed it: what refutes a log that forgot it."""
        last = self._ledger.witnessed(self._log_key.name)
        return None if last is None else last.note


def _note(request: bytes) -> str:
    """Return the note of a request that was accepted: what follows its first blank line."""
    return request.decode().partition("\n\n")[2]
