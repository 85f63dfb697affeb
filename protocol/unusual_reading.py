# SPDX-License-Identifier: EUPL-1.2
"""Who may read whose use was unusual, and of which purposes: the rules for others' entries, the same at both ends.

Spec: ``spec/unusual.md``. Not here: what is unusual (``unusual.py``), reading any other entry (``event_search.py``).
"""

from datetime import datetime

from protocol.event_search import EventSearch, Reach, Refused, reach_of
from protocol.ids import PartyId
from protocol.policy import LogPurpose, PersonRole, PolicyEngine, ReadEvents, Scope

OTHERS: Scope = "others"


def unusual_reach(
    engine: PolicyEngine, agency: PartyId, role: PersonRole, log_purpose: LogPurpose, now: datetime
) -> Reach | Refused:
    """Return the purposes of which somebody may be told, all under the scope ``others``."""
    reach = reach_of(engine, agency, role, EventSearch(log_purpose=log_purpose), now)
    if isinstance(reach, Refused):
        return reach
    decided = {
        purpose: engine.decide(ReadEvents(agency, purpose, role, OTHERS, log_purpose, now))
        for purpose in engine.covenant.purposes
    }
    allowed = {purpose: decision for purpose, decision in decided.items() if decision.allowed}
    if not allowed:
        return Refused(next(iter(decided.values())))
    rules = {rule for decision in allowed.values() for rule in decision.policies}
    return Reach(
        agency, {"own": frozenset(), "counterpart": frozenset(), OTHERS: frozenset(allowed)}, tuple(sorted(rules))
    )
