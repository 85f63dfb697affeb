# SPDX-License-Identifier: EUPL-1.2
"""``HOME/daemon.json``: what the running client says of itself, for ``sluis agency status`` and whoever watches it.

Counts, codes, times and parties of the covenant; nothing about a person. Whether it still runs, the lock on sending
says, not the file. Not here: finding it out (``health.py``).
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agency_client.health import health_json
from agency_client.running import Running
from edge.files import put_file
from protocol.encoding import Json, format_time

STATE: Final = "daemon.json"
WRITE_SECONDS: Final = 2.0
"""How old the file may be while something changes."""


@dataclass(slots=True)
class StateTask:
    """Keeps the file."""

    running: Running
    folder: Path
    pid: int
    url: Callable[[], str | None]
    """Where it listens, once it does."""
    _last: bytes = b""

    async def once(self) -> float:
        """Write the file when it would say something else. Returns after how many seconds to look again."""
        said: dict[str, Json] = {"pid": self.pid, "url": self.url(), **health_json(self.running.health)}
        content = json.dumps(said, indent=1).encode()
        if content != self._last:
            at: dict[str, Json] = {"writtenAt": format_time(self.running.clock())}
            whole = json.dumps(at | said, indent=1).encode() + b"\n"
            await asyncio.to_thread(put_file, self.folder / STATE, whole, mode=0o600)
            self._last = content
        return WRITE_SECONDS


def read_state(folder: Path) -> dict[str, Json] | None:
    """Return what the file says; None when there is none, or it cannot be understood."""
    try:
        found = json.loads((folder / STATE).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
