# SPDX-License-Identifier: EUPL-1.2
"""The service file that is handed out fits the program: its command, its readiness, its passphrase, its limits."""

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.processes import STOP_SECONDS
from edge.cli import exit_status
from edge.serve import GRACE
from protocol.errors import Code
from sluis import app_of

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "systemd" / "sluis-agency.service"


def settings() -> dict[str, list[str]]:
    """Return the unit's settings, each with all its values."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_it_runs_a_command_that_exists() -> None:
    """The program has the command, and is told where its home is: the folder that systemd makes for it."""
    (command,) = settings()["ExecStart"]
    words = command.split()[1:]
    assert words[:2] == ["agency", "run"]
    assert "run" in {one.name or one.callback.__name__ for one in app_of("agency").registered_commands if one.callback}
    assert words[words.index("--home") + 1] == f"/var/lib/{settings()['StateDirectory'][0]}"


def test_the_passphrase_comes_as_a_credential() -> None:
    """What systemd loads is what the program reads, and the passphrase itself is not in the environment."""
    (credential,) = settings()["LoadCredential"]
    name = credential.partition(":")[0]
    assert f"SLUIS_PASSPHRASE_FILE=%d/{name}" in settings()["Environment"]
    assert not [value for value in settings()["Environment"] if value.startswith("SLUIS_PASSPHRASE=")]


def test_it_is_given_time_to_stop_and_not_started_with_wrong_settings() -> None:
    """A graceful stop is not cut short, readiness and signs of life are asked for, wrong settings are not retried."""
    found = settings()
    assert found["Type"] == ["notify"]
    assert int(found["WatchdogSec"][0]) > 0
    assert int(found["TimeoutStopSec"][0]) > max(GRACE, STOP_SECONDS)
    assert found["RestartPreventExitStatus"] == [str(exit_status(Code.SETTINGS_INVALID))]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
def test_systemd_understands_it(tmp_path: Path) -> None:
    """Nothing is wrong in it by systemd's own word, and it knows every setting."""
    copy = tmp_path / UNIT.name
    text = UNIT.read_text().replace("/opt/sluis/.venv/bin/sluis", "/bin/true")
    copy.write_text(text.replace("User=sluis-agency", "User=root").replace("Group=sluis-agency", "Group=root"))
    program = shutil.which("systemd-analyze") or ""
    verified = subprocess.run([program, "verify", str(copy)], capture_output=True, text=True, check=False)
    assert UNIT.name not in verified.stderr, verified.stderr
