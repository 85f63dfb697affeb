# SPDX-License-Identifier: EUPL-1.2
"""Tell the service manager how the process is: that it is ready, lives, stops, and one line about it.

The protocol is a datagram of ``NAME=value`` lines to the socket that the environment names (systemd's sd_notify(3),
"Notes": stable, and meant to be written anew instead of linking its library). Without a service manager nothing is
sent. Not here: when to tell (``commands_run.py``).
"""

import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"
_WATCHED: Final = "WATCHDOG_PID"
_MICROSECONDS: Final = 1_000_000
_MAX_STATUS: Final = 200
"""Characters of the line that ``systemctl status`` shows."""


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """Who started this process, when it wants to hear of it."""

    address: str | None = None
    watchdog_seconds: float | None = None
    """Within so many seconds it wants a sign of life, or it kills and starts the process anew."""

    @staticmethod
    def of_environment(environment: Mapping[str, str] | None = None, pid: int | None = None) -> "ServiceManager":
        """Return the one that the environment names; what cannot be understood is as absent."""
        found = os.environ if environment is None else environment
        mine = str(os.getpid() if pid is None else pid)
        microseconds = found.get(_WATCHDOG, "")
        watched = microseconds.isdigit() and int(microseconds) > 0 and found.get(_WATCHED, mine) == mine
        seconds = int(microseconds) / _MICROSECONDS if watched else None
        return ServiceManager(found.get(_SOCKET) or None, seconds)

    @property
    def sign_every(self) -> float | None:
        """Seconds between signs of life: half of what is allowed, as sd_watchdog_enabled(3) advises."""
        return None if self.watchdog_seconds is None else self.watchdog_seconds / 2

    def ready(self, status: str) -> None:
        """Say that the service can be used."""
        self._tell(f"READY=1\nSTATUS={_line(status)}")

    def alive(self) -> None:
        """Give the sign of life."""
        self._tell("WATCHDOG=1")

    def says(self, status: str) -> None:
        """Give the line that people see."""
        self._tell(f"STATUS={_line(status)}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._tell("STOPPING=1")

    def _tell(self, text: str) -> None:
        if self.address is None or self.address[0] not in "/@":
            return
        # A leading @ means Linux's abstract namespace, which sockets write as a zero byte.
        address = "\0" + self.address[1:] if self.address[0] == "@" else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            # A service manager that does not listen must not hold up what it manages.
            with contextlib.suppress(OSError):
                sender.sendto(text.encode(), address)


def _line(text: str) -> str:
    return " ".join(text.split())[:_MAX_STATUS]
