# SPDX-License-Identifier: EUPL-1.2
"""Which covenant a role acts under from moment to moment: the board's newest where it can be fetched, else the last.

A source that cannot be reached, or that offers what cannot be trusted, changes nothing: the last version counts until
the signatures behind it run out. A version that the board signed and under which this home cannot act, or cannot read,
ends the one before it at once: nobody goes on under what the board replaced.
Not here: verifying (``covenant_trust.py``), swapping it in (each role).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from edge.covenant_trust import CovenantTrust, Trusted
from edge.files import put_file
from edge.logs import Logger
from protocol.agreed import Agreed
from protocol.covenant import Covenant
from protocol.encoding import format_time, parse_time
from protocol.errors import Code, ConfigurationError, InputError, UnavailableError, VerificationError

FOLDER: Final = "covenant"
"""Where in a role's home its view of the covenant lies."""
LOOK_SECONDS: Final = 60.0
"""How often a running role asks its source: a rule that was withdrawn is gone everywhere a minute later."""
MAX_ROOT: Final = 512_000
"""Bytes of a root's file: one with a hundred keys has 50 kB."""
_LOOKED: Final = "looked"
"""Holds when a command last asked, so that a row of short commands asks once a minute."""

Fits = Callable[[Covenant], object]
"""Passes when this home has its place in a covenant; raises ``ConfigurationError`` otherwise."""


class CovenantWatch:
    """What one running role acts under. Its calls take up to a minute at a slow source: not for an event loop."""

    def __init__(self, trust: CovenantTrust, fits: Fits, log: Logger) -> None:
        self._trust = trust
        self._fits = fits
        self._log = log
        self._refused: str | None = None
        found = newest(trust)
        fits(found.covenant)
        self.agreed = Agreed.of(found.covenant, found.until)

    def look(self, now: datetime) -> Agreed:
        """Return what to act under now: another value when anything about it changed. Never raises for the source."""
        try:
            found = self._trust.refresh()
        except UnavailableError as error:
            self._log.info("covenant source away", code=error.code.value)
            return self.agreed
        except (VerificationError, ConfigurationError) as error:
            self._log.warning("covenant refused, the last one stays", code=error.code.value)
            return self.agreed
        self.agreed = self._taken(found, now)
        return self.agreed

    def _taken(self, found: Trusted, now: datetime) -> Agreed:
        last, sha256 = self.agreed, found.covenant.sha256
        if sha256 == last.covenant.sha256:
            return last if last.until == found.until else last.renewed(found.until)
        if sha256 == self._refused:
            return last
        try:
            self._fits(found.covenant)
            return Agreed.of(found.covenant, found.until)
        except ConfigurationError as error:
            self._log.error("new covenant cannot be used here, and the old one is over", code=error.code.value)
            self._refused = sha256
            return last.renewed(now)


def enrol(home: Path, root: Path, source: str) -> Trusted:
    """Pin a board's root in a home, and fetch and verify what the source has; given again, it may change the source.

    Raises as ``pin`` and ``CovenantTrust.refresh``.
    """
    return pin(home, root, source).refresh()


def pin(home: Path, root: Path, source: str) -> CovenantTrust:
    """Pin a board's root in a home.

    Raises as ``CovenantTrust.begin``, and ``ConfigurationError`` for a file that cannot be read.
    """
    try:
        with root.open("rb") as file:
            anchor = file.read(MAX_ROOT + 1)
    except OSError as error:
        raise ConfigurationError(Code.SETTINGS_INVALID, f"{root} cannot be read: {error.strerror}.") from None
    return CovenantTrust.begin(home / FOLDER, anchor, source)


def newest(trust: CovenantTrust) -> Trusted:
    """Return what the source has, or what is kept when that cannot be had or trusted. Raises as ``load``."""
    try:
        return trust.refresh()
    except (UnavailableError, VerificationError) as error:
        return _kept(trust, error)


def recent(trust: CovenantTrust, now: datetime) -> Trusted:
    """Return the covenant for one command: asked for when the last command asked more than a minute ago."""
    mark = trust.folder / _LOOKED
    if not _fresh(mark, now):
        found = newest(trust)
        put_file(mark, format_time(now).encode(), mode=0o600)
        return found
    try:
        return trust.load()
    except (UnavailableError, VerificationError):
        # What is kept no longer holds; the board may have signed again within this minute.
        return trust.refresh()


def _kept(trust: CovenantTrust, error: UnavailableError | VerificationError) -> Trusted:
    try:
        return trust.load()
    except UnavailableError:
        # Nothing was ever fetched: why it could not be is what to tell.
        raise error from None


def _fresh(mark: Path, now: datetime) -> bool:
    try:
        asked = parse_time(mark.read_text())
    except (OSError, InputError, UnicodeDecodeError):
        return False
    return timedelta() <= now - asked < timedelta(seconds=LOOK_SECONDS)
