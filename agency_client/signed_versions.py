# SPDX-License-Identifier: EUPL-1.2
"""The versions of the covenant that may stand behind what the log proves to us: the board's own, and no others.

A broker's operator can write any rule into its own database. What is told or logged under a version that the board
never signed, or above what the board's rules allow, is evidence against the broker, and nothing of it is used.
Not here: who signed (``edge/covenant_trust.py``), the rest that must hold (``inbox.py``, ``post.py``).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from edge.covenant_trust import CovenantTrust
from protocol.agreed import Agreed
from protocol.canaries import PLANTER_LEVEL, still_planting
from protocol.commitments import open_entry
from protocol.covenant import Covenant
from protocol.errors import Code, ConfigurationError, InputError, NotFoundError, UnavailableError, VerificationError
from protocol.events import CovenantRef, Event
from protocol.ids import PartyId
from protocol.messages import Evidence
from protocol.notices import HitNotice, QueriedNotice
from protocol.policy import LEVELS, Notify, PolicyEngine

MAX_UNKNOWN: Final = 100
"""Versions looked up in vain in one command: a page's worth; each lookup verifies signatures again."""

REPLACED_GRACE: Final = timedelta(days=1)
"""How long after we took the next version over a broker may act under the one before: as long as its word holds that a
version is the newest (``edge/covenant_online.py``); later an honest one has stopped."""

Earlier = Callable[[str], Covenant]
"""Returns the covenant of a SHA-256 that the board signed, whenever that was. Raises ``NotFoundError``."""


class SignedVersions:
    """The version of this act, and each other that the board signed; asked for once a command.

    A lookup may fetch, so from an event loop ``fetch`` is called in a thread before ``require``.
    """

    def __init__(self, current: Agreed, earlier: Earlier, replaced: Mapping[str, datetime] | None = None) -> None:
        """``replaced`` has the versions that were acted under here before, and when the next one was taken over."""
        self._earlier = earlier
        self._replaced = dict(replaced or {})
        # Without an end: what was done while a version was in force stays right after its signatures ran out.
        self._known = {current.covenant.sha256: current.renewed(None).engine}
        self._unknown: set[str] = set()

    def __call__(self, sha256: str) -> Covenant:
        """Return the version with this hash. Raises ``NotFoundError`` when the board signed none."""
        return self._engine(sha256).covenant

    def fetch(self, evidence: Iterable[Evidence]) -> None:
        """Look up what the openings name. Raises ``UnavailableError`` when the source cannot be reached for it."""
        for one in evidence:
            try:
                self.require(open_entry(one.opening).event)
            except (InputError, VerificationError):
                # It is said where the evidence is verified.
                continue

    def require(self, event: Event) -> PolicyEngine:
        """Return the rules under which an event says that it was done.

        Raises ``VerificationError`` (``covenant_untrusted``) when the board signed no such version, or had replaced it.
        """
        named: CovenantRef = event.act.covenant
        try:
            engine = self._engine(named.sha256)
        except NotFoundError:
            raise _untrusted("The log names a version of the covenant that the board never signed.") from None
        if engine.covenant.version != named.version:
            raise _untrusted("The log names a version of the covenant by another name than the board gave it.")
        ended = self._replaced.get(named.sha256)
        if ended is not None and event.act.time > ended + REPLACED_GRACE:
            raise _untrusted("This was done under a version of the covenant that the board had replaced before.")
        return engine

    def require_level(self, notice: HitNotice | QueriedNotice, receiver: PartyId, event: Event) -> None:
        """Pass when the version that a notice's event names allows to tell this receiver this much.

        Raises ``VerificationError`` (``covenant_untrusted``).
        """
        engine = self.require(event)
        other = _other(notice)
        # Where it may not be told who it is, somebody must be there of whom so much may be told.
        others = (agency.id for agency in engine.covenant.agencies if agency.id != receiver)
        senders = [agency for agency in others if other in (None, agency)]
        asked = (
            Notify(sender, receiver, notice.purpose, notice.quality, notice.level, notice.at) for sender in senders
        )
        if not any(engine.decide(question).allowed for question in asked) and not _of_canary(engine, notice, receiver):
            raise _untrusted("The notice tells more than any rule that the board signed allows.")

    def _engine(self, sha256: str) -> PolicyEngine:
        known = self._known.get(sha256)
        if known is None:
            if sha256 in self._unknown or len(self._unknown) >= MAX_UNKNOWN:
                raise NotFoundError(Code.NOT_FOUND, "The board has signed no such version of the covenant.")
            known = self._known[sha256] = self._look_up(sha256)
        return known

    def _look_up(self, sha256: str) -> PolicyEngine:
        try:
            return PolicyEngine(self._earlier(sha256))
        except VerificationError as error:
            # What we keep ourselves cannot be verified just now: that says nothing about who named the version.
            raise UnavailableError(error.code, error.detail, hint=error.hint) from None
        except (NotFoundError, ConfigurationError):
            # A version that this program cannot read proves nothing to it either.
            self._unknown.add(sha256)
            raise NotFoundError(Code.NOT_FOUND, "The board has signed no such version of the covenant.") from None


def earlier_of(trust: CovenantTrust) -> Earlier:
    """Return a lookup in a home's trust that asks the source once, since the others may be ahead of us."""
    asked = False

    def look(sha256: str) -> Covenant:
        nonlocal asked
        try:
            return trust.earlier(sha256)
        except NotFoundError:
            if asked:
                raise
        asked = True
        trust.refresh()
        return trust.earlier(sha256)

    return look


def _other(notice: HitNotice | QueriedNotice) -> PartyId | None:
    if isinstance(notice, QueriedNotice):
        return notice.asker
    return notice.counterpart.agency if notice.counterpart is not None else None


def _untrusted(detail: str) -> VerificationError:
    return VerificationError(
        Code.COVENANT_UNTRUSTED, detail, hint="Nothing of it is used. Tell the covenant board: rules were bent."
    )


def _of_canary(engine: PolicyEngine, notice: HitNotice | QueriedNotice, receiver: PartyId) -> bool:
    """Say whether the receiver may plant canaries for this purpose, and is told no more than a planter is."""
    covenant = engine.covenant
    asked = (
        still_planting(covenant, receiver, cover.id, notice.purpose, notice.epoch, notice.at)
        for cover in covenant.agencies
    )
    told = LEVELS.index(notice.level) <= LEVELS.index(PLANTER_LEVEL)
    return told and any(engine.decide(question).allowed for question in asked)
