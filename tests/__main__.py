# SPDX-License-Identifier: EUPL-1.2
"""Run all tests, as runs side by side: those of whole systems and of the broker mostly wait, the others compute.

What computes gives way to what waits, and is two runs: what is left over at the end keeps two processors busy.

What the other runs say is shown when they have ended: of one that passed how long it took, of one that failed all.
Ends with a failure when one fails. Arguments go to one ordinary run instead. Not here: any test.
"""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
BESIDE: Final = {
    "Whole systems": ("tests/flow",),
    "The broker and programs that are not ours": ("tests/broker", "tests/interop"),
    "The console in a browser": ("tests/browser",),
    "The agency's client": ("tests/agency_client",),
}
"""What runs beside the rest, by name."""
COMPUTES: Final = frozenset({"The agency's client"})
"""Which of it computes, as the rest does."""
GIVES_WAY: Final = ("nice", "-n", "10")
SLOWEST: Final = 20
"""Tests of each run that are named with their time: who makes the suite slow should see it."""


def main(arguments: list[str]) -> int:
    """Run and return the status: 0 when all passed."""
    if arguments:
        return subprocess.run(_pytest(*arguments), cwd=ROOT, check=False).returncode
    with ExitStack() as stack:
        runs = []
        for name, folders in BESIDE.items():
            said = stack.enter_context(tempfile.TemporaryFile())
            command = _pytest(*folders, "-p", "no:cacheprovider")
            command = [*GIVES_WAY, *command] if name in COMPUTES else command
            run = stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT))
            stack.callback(run.kill)
            runs.append((name, run, said))
        ignored = [f"--ignore={folder}" for folders in BESIDE.values() for folder in folders]
        statuses = [subprocess.run([*GIVES_WAY, *_pytest(*ignored)], cwd=ROOT, check=False).returncode]
        for name, run, said in runs:
            statuses.append(run.wait())
            said.seek(0)
            lines = said.read().decode(errors="replace")
            sys.stdout.write(f"\n{name}:\n{lines if statuses[-1] else _times(lines)}")
            sys.stdout.flush()
    return next((status for status in statuses if status), 0)


def _times(lines: str) -> str:
    """Return the end of what a run said: its slowest tests, and how many there were."""
    return lines[lines.rfind("\n", 0, lines.find(" slowest ")) + 1 :]


def _pytest(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", f"--durations={SLOWEST}", *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
