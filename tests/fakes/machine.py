# SPDX-License-Identifier: EUPL-1.2
"""The machine of an agency's commands, on which a session is open already; nobody is asked for a passphrase.

Not here: the session (each test has its own).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

from rich.console import Console

from agency_client.machine import Machine

PERSON: Final = "a.bakker"


def _never() -> NoReturn:
    raise AssertionError("a command with a session has its clock, and needs no passphrase")


def machine_of(session: Any, *, offline: bool = False) -> Machine:
    """Return a machine where every home is this session's; with ``offline`` a command that would go online fails."""

    @contextmanager
    def opened(_: Path) -> Iterator[Any]:
        assert not offline, "this command needs nobody else"
        yield session

    @contextmanager
    def shown(_: Path) -> Iterator[Any]:
        yield session

    return Machine(
        opened=opened,
        offline=shown,
        # Made when they are used: by then the test catches what is written.
        console=lambda: Console(width=200),
        notes=lambda: Console(width=200, stderr=True),
        person_of=lambda given: given or PERSON,
        clock=_never,
        passphrase=_never,
        new_passphrase=_never,
    )
