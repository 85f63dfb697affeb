# SPDX-License-Identifier: EUPL-1.2
"""What commands need of the machine they run on, made once (``cli.py``) and passed to each command's file.

Not here: reading clock, environment or terminal itself.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console

from agency_client.session import Session
from edge.keyfile import SecretText


@dataclass(frozen=True, slots=True)
class Machine:
    """The doors of a command to its user and the disk."""

    opened: Callable[[Path], AbstractContextManager[Session]]
    """Opens a home under the newest covenant; asks for the passphrase as ``sluis agency`` does."""
    offline: Callable[[Path], AbstractContextManager[Session]]
    """Opens a home without asking anybody for a newer covenant, to show what is on this disk."""
    console: Callable[[], Console]
    """Where people read results."""
    notes: Callable[[], Console]
    """Where people read what is no result (standard error): progress, and words beside a program's JSON."""
    person_of: Callable[[str | None], str]
    """Who does this: as given, else the logged-in user."""
    clock: Callable[[], datetime]
    """For what has no session yet, which has the same clock."""
    passphrase: Callable[[], SecretText]
    """Returns the passphrase of the key file, for a home that cannot be opened yet. Raises ``ConfigurationError``."""
    new_passphrase: Callable[[], SecretText]
    """Returns a passphrase for a key file that is to be made, asked for twice. Raises ``ConfigurationError``."""
