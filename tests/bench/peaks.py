# SPDX-License-Identifier: EUPL-1.2
"""Read and reset the kernel's high-water mark of a process's memory (Linux). Not here: what is measured."""

from pathlib import Path
from typing import Final

_FORGET: Final = "5"
"""What Linux wants to read in ``clear_refs`` (proc(5))."""


def high_water(pid: int) -> int:
    """Return the most physical memory that a process ever had, in bytes; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    # A process that just ended has no memory, and no such line.
    return int(found[0].split()[1]) * 1024 if found else 0


def forget_high_water(pid: int) -> None:
    """Let the kernel count a process's peak from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text(_FORGET)
