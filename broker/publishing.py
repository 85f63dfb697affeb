# SPDX-License-Identifier: EUPL-1.2
"""The signed covenant at the broker: take over what the board signed, keep the online signatures fresh, read it out.

Whoever operates the broker can publish only what every party would accept: it is verified as a client would, from the
root that this home pinned first, before anybody sees it. Not here: HTTP (``routes/covenant.py``), what the signatures
mean (``edge/covenant_online.py``). Spec: ``protocol/spec/distribution.md``.
"""

import asyncio
import hashlib
import re
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Final

from edge.covenant_keys import CovenantSigner
from edge.covenant_online import assemble, forget_snapshots, renew
from edge.covenant_repository import Repository
from edge.covenant_trust import ROOT, CovenantTrust, Trusted
from edge.files import alone, put_link, sync_tree
from edge.logs import Logger, error_fields
from protocol.errors import Code, ConflictError, SluisError

TRUST: Final = "covenant"
"""Folder of a home with what this party trusts."""
SERVED: Final = "covenant-repository"
"""A link to the generation that is served: it turns in one step, so no reader ever sees half of a change."""
RENEW_SECONDS: Final = 60.0
"""Half a life is twelve hours: hundreds of tries before a timestamp can run out. Each looks at two small files."""
_GENERATION: Final = ".covenant-repository-"
TIMESTAMP: Final = "timestamp.json"
_HEX: Final = "[0-9a-f]{64}"
_NAMES: Final = re.compile(
    rf"(timestamp|[1-9][0-9]{{0,11}}\.(root|targets|snapshot))\.json"
    rf"|targets/{_HEX}\.covenant\.json|targets/history/{_HEX}\.{_HEX}\.json"
)


class Publication:
    """One broker's published covenant. Several processes of one home may use it at once."""

    __slots__ = ("_home", "_online")

    def __init__(self, home: Path, online: CovenantSigner) -> None:
        """Take the home's folder and its online key."""
        self._home = home
        self._online = online

    @property
    def served(self) -> Path:
        """The folder that parties fetch from, or copy."""
        return self._home / SERVED

    def trust(self) -> CovenantTrust:
        """Return this broker's own trust. Raises ``ConfigurationError`` before the first ``publish``."""
        return CovenantTrust.open(self._home / TRUST)

    def pinned(self) -> str:
        """Return the SHA-256 of the pinned root's file, to compare. Raises ``FileNotFoundError`` before ``publish``."""
        return hashlib.sha256((self._home / TRUST / ROOT).read_bytes()).hexdigest()

    def publish(self, board: Path, now: datetime) -> Trusted:
        """Serve what the board's folder holds; the same again changes nothing.

        Raises ``ConfigurationError`` when signatures are missing or the root names another online key,
        ``ConflictError`` for something older or other than was published, ``VerificationError`` when a party would not
        accept it. Whatever it raises, what was served is served.
        """
        signed = Repository(board)
        with alone(self._home):
            before = self.served.resolve()
            fresh = Path(mkdtemp(prefix=_GENERATION, dir=self._home))
            try:
                if before.is_dir():
                    shutil.copytree(before, fresh, dirs_exist_ok=True)
                    _require_newer(signed, Repository(fresh))
                assemble(signed, fresh)
                renew(fresh, self._online, now)
                forget_snapshots(fresh)
                self._rehearse(fresh)
                fresh.chmod(0o755)
                sync_tree(fresh)
                put_link(self.served, fresh)
            finally:
                self._sweep(before, fresh)
        trust = CovenantTrust.begin(self._home / TRUST, _first_root(self.served), str(self.served))
        return trust.refresh()

    def renew(self, now: datetime) -> bool:
        """Sign snapshot and timestamp anew when they are past half their life; say whether any was.

        Nothing happens before the first ``publish``. Raises ``ConfigurationError``.
        """
        with alone(self._home):
            return self.served.is_dir() and renew(self.served.resolve(), self._online, now)

    def current(self, now: datetime) -> Trusted:
        """Return the published covenant, its online signatures renewed where needed; for a broker that starts.

        Raises ``ConfigurationError`` before the first ``publish``, ``VerificationError`` when the board's signatures
        have expired.
        """
        self.renew(now)
        return self.trust().refresh()

    def read(self, name: str) -> bytes | None:
        """Return a published file by its name, or ``None``."""
        if _NAMES.fullmatch(name) is None:
            return None
        try:
            return (self.served / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def marks(self) -> list[int]:
        """Return what changes whenever something else is published: the times of the folder and of its timestamp."""
        try:
            return [self.served.stat().st_mtime_ns, (self.served / TIMESTAMP).stat().st_mtime_ns]
        except OSError:
            return []

    def _rehearse(self, fresh: Path) -> None:
        if (self._home / TRUST / ROOT).exists():
            self.trust().rehearse(str(fresh))
            return
        with TemporaryDirectory() as scratch:
            CovenantTrust.begin(Path(scratch), _first_root(fresh), str(fresh)).refresh()

    def _sweep(self, before: Path, fresh: Path) -> None:
        """Remove what was not turned to, else what nobody reads any more; who began with the one before still does."""
        served = self.served.resolve()
        kept = {served, before}
        unread = (path for path in self._home.glob(f"{_GENERATION}*") if path.resolve() not in kept)
        for old in [fresh] if served != fresh.resolve() else list(unread):
            shutil.rmtree(old, ignore_errors=True)


async def run(publication: Publication, clock: Callable[[], datetime], log: Logger) -> None:
    """Keep the online signatures fresh for as long as the process runs."""
    while True:
        try:
            if await asyncio.to_thread(publication.renew, clock()):
                log.info("covenant's online signatures renewed")
        except SluisError as error:
            log.error("covenant's online signatures not renewed", code=error.code.value, **error_fields(error))
        await asyncio.sleep(RENEW_SECONDS)


def _first_root(folder: Path) -> bytes:
    published = Repository(folder)
    return published.raw("root", published.versions("root")[0])


def _require_newer(signed: Repository, published: Repository) -> None:
    """Pass when the board's folder goes on from what is published. Raises ``ConflictError``."""
    for role, ours, theirs in (
        ("root", published.root().signed, signed.root().signed),
        ("covenant", published.targets().signed, signed.targets().signed),
    ):
        if theirs.version < ours.version:
            raise ConflictError(
                Code.CONFLICT,
                f"The published {role} (version {ours.version}) is newer than this one ({theirs.version}).",
                hint="Take the board's newest folder.",
            )
        if theirs.version == ours.version and theirs != ours:
            raise ConflictError(
                Code.CONFLICT,
                f"Another {role} of version {ours.version} is published already.",
                hint="The board has signed two different ones: it must make and sign a next version.",
            )
