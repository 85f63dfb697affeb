# SPDX-License-Identifier: EUPL-1.2
"""Join a home, a covenant and a clock to a key-holder that can run. Not here: where these come from (``main.py``)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from edge.covenant_trust import CovenantTrust
from edge.covenant_watch import FOLDER, LOOK_SECONDS, CovenantWatch
from edge.keyfile import SecretText
from edge.ldv import FOLDER as SPANS
from edge.ldv import SpanLog, service_of
from edge.logs import logger
from keyholder.ledger import Ledger
from keyholder.ratchet import ratchet
from keyholder.seedfile import SeedFolder
from keyholder.service import Service
from keyholder.settings import Home, Identity, open_home, require_place
from keyholder.share import name_of
from keyholder.witness import Witness
from protocol.covenant import Covenant
from protocol.errors import Code, ConfigurationError
from protocol.note import LogKey


@dataclass(frozen=True, slots=True)
class Opened:
    """A home that was opened with its passphrase, and that has its place in the covenant that it enrolled under."""

    home: Home
    identity: Identity
    watch: CovenantWatch
    seeds: SeedFolder

    @property
    def covenant(self) -> Covenant:
        """The board's newest covenant, as far as it could be fetched."""
        return self.watch.agreed.covenant


def open_enrolled(folder: Path, passphrase: SecretText) -> Opened:
    """Open a home that ``enrol`` gave a covenant, and check that the newest one has it.

    Raises ``ConfigurationError``, and as ``CovenantTrust.load`` when none can be trusted.
    """
    home = open_home(folder)
    trust = CovenantTrust.open(folder / FOLDER)
    identity = home.identity(passphrase)
    watch = CovenantWatch(trust, partial(require_place, home, identity), logger("keyholder"))
    return Opened(home, identity, watch, home.seed_folder(passphrase))


def open_service(at: Opened, clock: Callable[[], datetime], look_seconds: float = LOOK_SECONDS) -> Service:
    """Bring the seeds up to date and join the parts.

    Raises ``ConfigurationError`` while the covenant is not complete or the ceremony is not finished.
    """
    at.covenant.require_complete()
    ledger = Ledger(at.home.ledger_path)
    moved = ratchet(at.seeds, ledger, at.covenant, clock())
    missing = moved.held.missing if moved is not None else at.home.sharing.sets_of(at.home.file.index)
    if moved is None or missing:
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            f"The key ceremony is not finished: no seed of set {', '.join(map(name_of, missing))}.",
            hint="`sluis keyholder fingerprints` shows who still has to deal what.",
        )
    return Service(
        url=require_place(at.home, at.identity, at.covenant).url,
        agreed=at.watch.agreed,
        signer=at.identity.signer,
        witness=Witness(ledger, LogKey.parse(at.covenant.log.key), at.identity.witness),
        ledger=ledger,
        seeds=at.seeds,
        held=moved.held,
        clock=clock,
        log=logger("keyholder"),
        spans=SpanLog(at.home.folder / SPANS, service_of("sluis-keyholder", at.home.file.id), clock),
        look=at.watch.look,
        look_seconds=look_seconds,
    )
