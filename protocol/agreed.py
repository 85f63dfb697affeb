# SPDX-License-Identifier: EUPL-1.2
"""One version of the covenant as a running role acts under it: the covenant, its rules, its keys, and until when.

A role holds one such value and swaps it whole when the covenant changes; an act uses one from begin to end, so none is
decided partly by one version and partly by another. Not here: who signed it (``edge/covenant_trust.py``).
"""

from dataclasses import dataclass, replace
from datetime import datetime

from protocol.covenant import Covenant
from protocol.errors import Code, UnavailableError
from protocol.policy import PolicyEngine
from protocol.signing import KeyDirectory


@dataclass(frozen=True, slots=True)
class Agreed:
    """A covenant with what is made of it once: parsing its rules takes some 50 ms."""

    covenant: Covenant
    engine: PolicyEngine
    directory: KeyDirectory
    until: datetime | None
    """From then on the signatures behind the covenant are too old, and nothing is allowed."""

    @staticmethod
    def of(covenant: Covenant, until: datetime | None = None) -> "Agreed":
        """Return the covenant ready for use. Raises ``ConfigurationError`` when its rules are no rules."""
        return Agreed(covenant, PolicyEngine(covenant, until), covenant.key_directory(), until)

    def renewed(self, until: datetime | None) -> "Agreed":
        """Return the same version with another end: fresh signatures under the same bytes."""
        return replace(self, engine=self.engine.renewed(until), until=until)

    def require_in_force(self, now: datetime) -> None:
        """Pass while the covenant holds. Raises ``UnavailableError`` (``covenant_expired``) that says what is over."""
        if not self.covenant.in_force(now):
            raise UnavailableError(
                Code.COVENANT_EXPIRED,
                f"The covenant is not in force now: it holds from {self.covenant.valid_from:%Y-%m-%d} until "
                f"{self.covenant.valid_until:%Y-%m-%d}.",
                hint="Nothing is lost. Check the clock, or ask the covenant board for the next version.",
            )
        if self.until is not None and now >= self.until:
            raise UnavailableError(
                Code.COVENANT_EXPIRED,
                f"The covenant was signed until {self.until:%Y-%m-%d %H:%M} UTC, and that could not be renewed.",
                hint="Nothing is lost. Is the broker reachable, and has the board signed again?",
            )
