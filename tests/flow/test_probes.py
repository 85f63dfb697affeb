# SPDX-License-Identifier: EUPL-1.2
"""The commands of probes on a whole system, whose covenant wants none: nothing is pushed, and all of them answer."""

import json
from pathlib import Path

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.processes import run
from tests.fakes.whole_system import System


def test_the_commands_answer_where_nothing_is_probed(system: System, tmp_path: Path) -> None:
    """Status, a run and files work before any probe, in both languages; a file for another agency is refused."""
    found = system.read("police-oost", "probes")
    assert (found["perPairPerWeek"], sum(found["probes"].values())) == (0, 0)
    assert "stuurt geen proeven" in system.agency("police-oost", "probes", "--lang", "nl")
    care = system.home("care-linde")
    file = tmp_path / "said.json"
    line = ["agency", "probes", "export", "--home", str(system.home("police-oost")), "care-linde", str(file)]
    _run(line)
    assert json.loads(file.read_text())["statement"]["claims"] == []
    _run(["agency", "probes", "import", "--home", str(care), str(file)])
    _run(["agency", "probes", "import", "--home", str(system.home("municipality-dalen")), str(file)], status=65)
    _run(["agency", "probes", "run", "--home", str(care)])


def _run(line: list[str], status: int = 0) -> None:
    run(line, environment=ENVIRONMENT, seconds=120, status=status)
