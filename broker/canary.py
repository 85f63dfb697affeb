# SPDX-License-Identifier: EUPL-1.2
"""What a canary's planter hears when somebody touches it: who, when and for which purpose, and nothing of the content.

A canary is a signal about nobody that a supervisor planted under a cover's name. On the side of whoever touches it
nothing differs from a signal of the cover's own; that is all the other modules' doing. Pure.
Not here: registering one (``ingest.py``), its whole design (``docs/adr/0013-canaries.md``).
"""

from datetime import datetime

from broker.interfaces import StoredSignal
from protocol.canaries import PLANTER_LEVEL, still_planting
from protocol.policy import Decision, PolicyEngine

__all__ = ["PLANTER_LEVEL", "planter_decision"]


def planter_decision(signal: StoredSignal, engine: PolicyEngine, now: datetime) -> Decision:
    """Return whether the planter may still plant this canary: only then is it told. The rule is the one of planting.

    A planter that was suspended, or a purpose that no longer has canaries, silences those that stand.
    """
    question = still_planting(engine.covenant, signal.told, signal.agency, signal.purpose, signal.epoch, now)
    return engine.decide(question)
