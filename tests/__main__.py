# SPDX-License-Identifier: EUPL-1.2
"""Run all tests, as two runs side by side: those of whole systems mostly wait for processes, the others compute.

What the second run says is shown when the first has ended. Ends with a failure when either fails. Arguments go to one
ordinary run instead. Not here: any test.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
WHOLE_SYSTEMS: Final = "tests/flow"


def main(arguments: list[str]) -> int:
    """Run and return the status: 0 when all passed."""
    if arguments:
        return subprocess.run(_pytest(*arguments), cwd=ROOT, check=False).returncode
    with tempfile.TemporaryFile() as said:
        beside = subprocess.Popen(
            _pytest(WHOLE_SYSTEMS, "-p", "no:cacheprovider"), cwd=ROOT, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            first = subprocess.run(_pytest("--ignore", WHOLE_SYSTEMS), cwd=ROOT, check=False).returncode
            second = beside.wait()
        finally:
            beside.kill()
        said.seek(0)
        sys.stdout.write(f"\nWhole systems ({WHOLE_SYSTEMS}):\n{said.read().decode(errors='replace')}")
    return first or second


def _pytest(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
