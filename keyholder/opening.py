# SPDX-License-Identifier: EUPL-1.2
"""Join a home, a covenant and a clock to a key-holder that can run. Not here: where these come from (``main.py``)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge.covenant_folder import load_covenant
from edge.keyfile import SecretText
from edge.logs import logger
from keyholder.ledger import Ledger
from keyholder.ratchet import ratchet
from keyholder.seedfile import SeedFolder
from keyholder.service import Service
from keyholder.settings import Home, Identity, open_home, require_place
from keyholder.share import name_of
from keyholder.witness import Witness
from protocol.covenant import Covenant
from protocol.covenant_parts import KeyHolder
from protocol.errors import Code, ConfigurationError
from protocol.note import LogKey
from protocol.policy import PolicyEngine


@dataclass(frozen=True, slots=True)
class Opened:
    """A home that was opened with its passphrase beside a covenant that has it as it is."""

    home: Home
    identity: Identity
    covenant: Covenant
    place: KeyHolder
    seeds: SeedFolder


def open_home_with(folder: Path, covenant: Path, passphrase: SecretText) -> Opened:
    """Open a home and check that the covenant has it. Raises ``ConfigurationError``."""
    home = open_home(folder)
    agreed = load_covenant(covenant)
    identity = home.identity(passphrase)
    return Opened(home, identity, agreed, require_place(home, identity, agreed), home.seed_folder(passphrase))


def open_service(at: Opened, clock: Callable[[], datetime]) -> Service:
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
        url=at.place.url,
        covenant=at.covenant,
        engine=PolicyEngine(at.covenant),
        signer=at.identity.signer,
        witness=Witness(ledger, LogKey.parse(at.covenant.log.key), at.identity.witness),
        ledger=ledger,
        seeds=at.seeds,
        held=moved.held,
        clock=clock,
        log=logger("keyholder"),
    )
