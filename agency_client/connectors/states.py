# SPDX-License-Identifier: EUPL-1.2
"""How the connectors of a home are doing, from what is on the disk; also while another process runs them.

Not here: running them (``running.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from agency_client.connectors.descriptions import Described, described
from agency_client.session import Session
from agency_client.vault.connectors import Hindrance
from protocol.errors import SluisError


@dataclass(frozen=True, slots=True)
class ConnectorState:
    """How a connector is doing; counts are since it was made."""

    name: str
    kind: str
    enabled: bool
    looked_at: datetime | None = None
    taken_at: datetime | None = None
    taken: int = 0
    quarantined: int = 0
    withdrawn: int = 0
    waiting: int = 0
    """Rows in quarantine now."""
    problem: str | None = None
    """What stands in its way, in words; None while all is well."""
    problem_code: str | None = None


def states_of(session: Session) -> list[ConnectorState]:
    """Return how the connectors of an opened home are doing, by name."""
    waiting: Mapping[str, int] = session.vault.quarantine.counts()
    kept = {one.name: one for one in session.vault.connectors.all()}
    found = []
    for one in described(session.home.folder):
        if isinstance(one, Described):
            state = ConnectorState(one.name, one.says.kind, one.says.enabled)
        else:
            state = ConnectorState(one.name, "unknown", enabled=False)
        if (known := kept.get(one.name)) is not None:
            state = replace(
                state,
                looked_at=known.looked_at,
                taken_at=known.taken_at,
                taken=known.taken,
                quarantined=known.quarantined,
                withdrawn=known.withdrawn,
            )
        problem = None if known is None else known.problem
        if not isinstance(one, Described):
            problem = hindrance_of(one.problem)
        said, code = (None, None) if problem is None else (problem.words, problem.code or None)
        found.append(replace(state, waiting=waiting.get(one.name, 0), problem=said, problem_code=code))
    return found


def hindrance_of(error: SluisError) -> Hindrance:
    """Return what stands in a connector's way, for people."""
    places = ", ".join(issue.location for issue in error.issues[:3])
    return Hindrance(error.code, f"{error.detail} ({places})" if places else str(error))
