# SPDX-License-Identifier: EUPL-1.2
"""An agency's accounts on a real vault, with a clock that tests move and passwords hashed at the least cost."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp

from agency_client.people.enrolling import EnrolmentDesk
from agency_client.people.entering import Entrance, Present
from agency_client.people.gate import Entered, Gate, Source
from agency_client.people.passwords import Cost, Hashing
from agency_client.people.staff import Staff
from agency_client.vault import Vault
from tests.fakes.agency_vault import open_vault

NOON = datetime(2026, 11, 9, 12, 0, tzinfo=UTC)
PASSWORD = "vier losse woorden hier"
OFFICE = Source("192.0.2.7", "Firefox, Windows")


@dataclass(slots=True)
class LoginWorld:
    """All desks over one vault."""

    vault: Vault
    now: datetime = NOON
    factor_needed: bool = True
    hashing: Hashing = field(default_factory=lambda: Hashing.at(Cost.TEST))

    def clock(self) -> datetime:
        """Return the moment that the test chose."""
        return self.now

    def later(self, **span: float) -> None:
        """Move the clock."""
        self.now += timedelta(**span)

    @property
    def gate(self) -> Gate:
        """What all ways in share."""
        return Gate(self.vault.people, self.hashing, self.clock, self.factor_needed)

    @property
    def entrance(self) -> Entrance:
        """The ways in and out."""
        return Entrance(self.gate)

    @property
    def desk(self) -> EnrolmentDesk:
        """Where people set up what they log in with."""
        return EnrolmentDesk(self.gate, "Politie Oost")

    @property
    def staff(self) -> Staff:
        """The operator's desk."""
        return Staff(self.gate)

    def code(self, secret: str, steps: int = 0) -> str:
        """Return what an authenticator app shows now, or some steps from now."""
        return pyotp.TOTP(secret).at(self.now, counter_offset=steps)

    def enrolled(self, name: str = "anna", *roles: str) -> tuple[Entered, str, tuple[str, ...]]:
        """Add somebody who went through the first login; returns the session, the shared secret, recovery codes."""
        added = self.staff.add(name, name.title(), [*roles] or ["coordinator"], "nl")
        assert added.code is not None
        begun = self.desk.begin(name, added.code, PASSWORD, PASSWORD, OFFICE)
        secret = self.desk.enrolment(begun.token)[0].secret
        done = self.desk.confirm(begun.token, self.code(secret), OFFICE)
        self.later(minutes=1)
        return done.entered, secret, done.codes

    def logged_in(self, name: str, secret: str) -> Entered:
        """Log somebody in anew, with password and code."""
        asked = self.entrance.by_password(name, PASSWORD, OFFICE)
        entered = self.entrance.by_code(asked.token, self.code(secret), OFFICE)
        self.later(minutes=1)
        return entered

    def present(self, entered: Entered) -> Present:
        """Return who a session is. The test is wrong when nobody is."""
        found = self.entrance.who(entered.token)
        assert found is not None
        return found


def login_world(folder: Path) -> LoginWorld:
    """Open a fresh one."""
    return LoginWorld(open_vault(folder))
