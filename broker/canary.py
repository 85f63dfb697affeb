# SPDX-License-Identifier: EUPL-1.2
"""What a canary's planter hears when somebody touches it: who, when and for which purpose, and nothing of the content.

A canary is a signal about nobody that a supervisor planted under a cover's name. On the side of whoever touches it
nothing differs from a signal of the cover's own; that is all the other modules' doing. Pure.
Not here: registering one (``ingest.py``), its whole design (``docs/adr/0013-canaries.md``).
"""

from datetime import datetime
from typing import Final

from broker.interfaces import StoredSignal
from protocol.messages import Level
from protocol.policy import Decision, Plant, PolicyEngine

PLANTER_LEVEL: Final[Level] = "agency"
"""Enough to ask that agency why; the contact and the content that it sealed are about a person, whom the planter has no
business with."""


def planter_decision(signal: StoredSignal, engine: PolicyEngine, now: datetime) -> Decision:
    """Return whether the planter may still plant this canary: only then is it told. The rule is the one of planting.

    A planter that was suspended, or a purpose that no longer has canaries, silences those that stand.
    """
    covenant = engine.covenant
    purpose, cover = covenant.purposes.get(signal.purpose), covenant.find(signal.agency)
    question = Plant(
        agency=signal.told,
        cover=signal.agency,
        purpose=signal.purpose,
        epoch=signal.epoch,
        now=now,
        # What was agreed when it was planted is not asked again: any ground and basis of today stand for them.
        grounds=() if purpose is None else tuple(purpose.grounds)[:1],
        basis="" if purpose is None or cover is None else next(iter(purpose.bases_of(covenant.kind_of(cover.id))), ""),
        kinds=(),
        expires_at=signal.expires_at,
    )
    return engine.decide(question)
