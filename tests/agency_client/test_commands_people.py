# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency people``: what an operator sees and what programs get."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from agency_client.commands_people import add_people
from tests.fakes.login_world import OFFICE, PASSWORD, LoginWorld, login_world
from tests.fakes.machine import machine_of


@pytest.fixture
def logins(tmp_path: Path) -> LoginWorld:
    """Return an agency without accounts."""
    return login_world(tmp_path)


def _run(logins: LoginWorld, home: Path, *words: str) -> Result:
    app = typer.Typer()
    add_people(app, machine_of(SimpleNamespace(vault=logins.vault, clock=logins.clock)))
    at = [] if "--help" in words else ["--home", str(home)]
    return CliRunner().invoke(app, ["people", *words, *at])


def _add(logins: LoginWorld, home: Path, *more: str) -> Result:
    return _run(logins, home, "add", "jansen", "--name", "A. Jansen", "--role", "coordinator", *more)


def test_adding_somebody_says_what_to_do_with_the_code(logins: LoginWorld, tmp_path: Path) -> None:
    """Where to go, with which name and code; and the code works."""
    (tmp_path / "run.json").write_text('{"publicUrl": "https://sluis.oost.example"}')
    said = _add(logins, tmp_path).stdout
    assert "https://sluis.oost.example/welcome" in said
    code = re.search(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", said)
    assert code is not None
    assert logins.desk.begin("jansen", code[0], PASSWORD, PASSWORD, OFFICE).account.display == "A. Jansen"


def test_a_program_gets_one_json_document(logins: LoginWorld, tmp_path: Path) -> None:
    """With the code, once; lists never have it."""
    added = json.loads(_add(logins, tmp_path, "--json").stdout.splitlines()[-1])
    assert re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", added["code"])
    listed = json.loads(_run(logins, tmp_path, "list", "--json").stdout)
    assert [(one["name"], one["roles"], one["state"]) for one in listed["people"]] == [
        ("jansen", ["coordinator"], "waits")
    ]
    assert added["code"] not in json.dumps(listed)


def test_a_password_from_a_file_needs_no_code(logins: LoginWorld, tmp_path: Path) -> None:
    """For automation; it must be a good one all the same."""
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    assert "can log in as jansen" in _add(logins, tmp_path, "--password-file", str(path)).stdout
    logins.factor_needed = False
    path.write_text("kort\n")
    weak = _run(logins, tmp_path, "add", "bert", "--name", "B", "--role", "operator", "--password-file", str(path))
    assert weak.exit_code == 65


def test_roles_reset_unlock_remove(logins: LoginWorld, tmp_path: Path) -> None:
    """Each says what it did, and to whom."""
    logins.enrolled("jansen")
    assert "operator, supervisor" in _run(
        logins, tmp_path, "roles", "jansen", "--role", "operator", "--role", "supervisor"
    ).stdout  # fmt: skip
    assert "can try again" in _run(logins, tmp_path, "unlock", "jansen").stdout
    assert "1 session ended." in _run(logins, tmp_path, "log-out-everywhere", "jansen").stdout
    assert "Nobody is logged in." in _run(logins, tmp_path, "sessions").stdout
    assert "one-time code" in _run(logins, tmp_path, "reset", "jansen").stdout
    assert "cannot log in any more" in _run(logins, tmp_path, "remove", "jansen").stdout
    assert "Nobody yet." in _run(logins, tmp_path, "list").stdout
    record = _run(logins, tmp_path, "record").stdout
    assert [word for word in ("added", "set-up", "reset", "removed") if word not in record] == []


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["reset", "niemand"], 66),
        (["add", "Jan Jansen", "--name", "J", "--role", "operator"], 65),
        (["add", "jan", "--name", "J", "--role", "system"], 65),
        (["log-out-everywhere"], 65),
        (["log-out-everywhere", "jan", "--everybody"], 65),
    ],
)
def test_what_cannot_be_done_is_told_by_an_exit_status(
    logins: LoginWorld, tmp_path: Path, words: list[str], status: int
) -> None:
    """For scripts; and a hint for people."""
    done = _run(logins, tmp_path, *words)
    assert done.exit_code == status
    assert "Error" in done.stderr


def test_the_help_teaches_the_whole_way(logins: LoginWorld, tmp_path: Path) -> None:
    """From nothing to in use, and what to do when somebody leaves."""
    said = " ".join(_run(logins, tmp_path, "--help").stdout.split())
    for words in ("one-time code", "authenticator app", "Somebody leaves", "identity provider"):
        assert words in said
