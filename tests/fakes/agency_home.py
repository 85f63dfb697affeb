# SPDX-License-Identifier: EUPL-1.2
"""The home of an agency that no covenant of the tests names yet, as its own ``init`` makes it.

Not here: the board that takes it in (``covenant_repository.py``), agencies that run (``whole_system.py``).
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from agency_client.settings import Home, HomeFile, make_home
from edge.keyfile import SecretText
from protocol.covenant_parts import Title
from protocol.ids import PartyId

__all__ = ["WEST", "west"]

WEST: Final = PartyId("police-west")


def west(folder: Path, passphrase: SecretText, now: datetime) -> Home:
    """Make it."""
    file = HomeFile(
        id=WEST,
        kind="police",
        title=Title(nl="Politie West", en="Police West"),
        oin="9" * 20,
        made_at=now,
        key_file_cost="interactive",
    )
    return make_home(folder, file, passphrase)
