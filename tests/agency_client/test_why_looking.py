# SPDX-License-Identifier: EUPL-1.2
"""A reason to look is one of the covenant's, also on the command line."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from agency_client import commands_ask, commands_disclosures
from agency_client.why_looking import require_reason
from protocol.errors import InputError
from tests.fakes.covenants import make_covenant
from tests.fakes.machine import machine_of
from tests.fakes.small_world import NOW

FILE = "vocabulary/reasons.yaml"
OWN = b"""reasons:
  youth-meeting: {nl: Het jeugdoverleg vroeg het, en: The youth meeting asked}
  own-case: {nl: Eigen zaak, en: Own case}
"""


def test_a_reason_that_there_is_not_is_refused() -> None:
    """With which there are."""
    covenant = make_covenant(now=NOW, agencies=2, change=lambda files: files.update({FILE: OWN})).covenant
    require_reason("own-case", covenant)
    with pytest.raises(InputError, match="no such reason to look") as caught:
        require_reason("curious", covenant)
    assert caught.value.hint == "It has: youth-meeting (The youth meeting asked), own-case (Own case)."


def test_nobody_acts_under_a_covenant_that_says_no_reasons() -> None:
    """It can still be read, as covenants of before must be; the board is told before it signs one."""
    covenant = make_covenant(now=NOW, agencies=2, change=lambda files: files.pop(FILE)).covenant
    assert covenant.missing() == ("it names no reason to look",)


@pytest.mark.parametrize(
    "words",
    [
        ["more", "3f2a", "--ask", "Anything?", "--case", "Z-1", "--reason", "visit"],
        ["ask", "--purpose", "victim-protection", "--case", "Z-1", "--reason", "visit", "--bsn", "123456782"],
    ],
)
def test_the_commands_refuse_before_anything_is_asked(words: list[str], tmp_path: Path) -> None:
    """Nothing leaves: the session has no doors at all."""
    session = SimpleNamespace(covenant=make_covenant(now=NOW, agencies=2).covenant, clock=lambda: NOW)
    app = typer.Typer()
    commands_disclosures.add_disclosures(app, machine_of(session))
    commands_ask.add_ask(app, machine_of(session))
    done = CliRunner().invoke(app, [*words, "--home", str(tmp_path), "--reason-code", "curious"])
    assert done.exit_code != 0
    assert "The covenant has no such reason to look." in done.output
    assert "own-case" in done.output
