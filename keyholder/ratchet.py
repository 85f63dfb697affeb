# SPDX-License-Identifier: EUPL-1.2
"""Destroy the keys of epochs that are over: seeds forward to the lowest live epoch, the old ones overwritten.

Written down before it is begun and after it is done, so that a crash between the two is finished at the next start.
Which epochs are over follows from the covenant and the clock alone. Not here: when to look (``service.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keyholder.ledger import Ledger
from keyholder.seedfile import SeedFolder
from keyholder.share import HeldSeeds
from protocol.covenant import Covenant
from protocol.errors import Code, ConfigurationError
from protocol.ids import Epoch


@dataclass(frozen=True, slots=True)
class Ratcheted:
    """The seeds as they now are, and the epochs whose keys were destroyed by this call."""

    held: HeldSeeds
    destroyed: Sequence[Epoch]


def lowest_live(covenant: Covenant, now: datetime) -> Epoch:
    """Return the earliest epoch whose keys must still be there."""
    return min(covenant.live_epochs(now))


def ratchet(folder: SeedFolder, ledger: Ledger, covenant: Covenant, now: datetime) -> Ratcheted | None:
    """Bring the stored seeds to the lowest live epoch; ``None`` while there are no seeds yet.

    Nothing is destroyed outside the covenant's validity (``ConfigurationError``): a clock that is years ahead would
    otherwise destroy keys that are needed, and nothing brings those back.
    """
    if not covenant.in_force(now):
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            "By this machine's clock the covenant is not in force, so no keys are destroyed.",
            hint="Check the clock, and whether there is a newer covenant.",
        )
    with folder.locked():
        return _ratchet(folder, ledger, lowest_live(covenant, now), now)


def _ratchet(folder: SeedFolder, ledger: Ledger, lowest: Epoch, now: datetime) -> Ratcheted | None:
    held = folder.read()
    if held is None:
        return None
    over = [Epoch(epoch) for epoch in range(held.epoch, lowest)]
    if over:
        ledger.begin_destruction(range(held.epoch, lowest), now)
        held = held.at(lowest)
        folder.write(held)
    # Also without anything to move: an earlier call may have been cut off after its new file was written.
    folder.destroy_others(held.epoch)
    ledger.finish_destruction(held.epoch, now)
    return Ratcheted(held, over)
