# SPDX-License-Identifier: EUPL-1.2
"""How far each witness of the covenant has followed the log, for an outsider: agencies too, which count for no quorum.

Not here: what a report must be (``protocol/witness_reports.py``), words (``edge/witness_lines.py``).
"""

from collections.abc import Callable
from typing import Final

from protocol.checkpoint import Checkpoint
from protocol.covenant import Covenant
from protocol.errors import InputError, UnavailableError, VerificationError
from protocol.messages import parse
from protocol.walk import drive, verify_continuation
from protocol.witness_reports import WitnessReports, WitnessState, read_reports

PATH: Final = "witnesses"
MOST_COMPARED: Final = 16
"""Trees of witnesses that are compared with the one that was verified: each costs a few small files of the log."""


def witness_states(
    covenant: Covenant, head: Checkpoint, fetch: Callable[[str], bytes]
) -> tuple[WitnessState, ...] | None:
    """Return the state of every witness; None when the broker does not tell it.

    Raises ``VerificationError``: ``checkpoint_invalid`` when it says what a witness did not sign, ``log_forked`` when a
    witness cosigned a tree that is not in the verified one.
    """
    try:
        reports = parse(WitnessReports, fetch(PATH))
    except (InputError, UnavailableError, VerificationError):
        # Not of the log itself: its entries, which are verified by now, rest on nothing of this.
        return None
    states = read_reports(reports, covenant)
    trees = {Checkpoint(head.origin, one.size, one.root) for one in reports.witnesses if one.size <= head.size}
    for tree in sorted(trees, key=lambda one: one.size, reverse=True)[:MOST_COMPARED]:
        drive(verify_continuation(tree, head), fetch)
    return states
