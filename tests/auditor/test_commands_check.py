# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit check``: what it prints and returns for each thing that can be wrong; also without any network."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import typer
from typer.testing import CliRunner

from auditor.commands_check import WRONG, add_check
from edge.findings import FINDINGS
from protocol.covenant_bundle import pack
from protocol.encoding import canonical_json
from protocol.errors import Code
from protocol.tlog_proof import parse_tlog_proof
from tests.fakes.covenant_repository import signed_covenants
from tests.fakes.covenants import make_covenant
from tests.fakes.no_network import NO_NETWORK
from tests.fakes.receipt_log import ReceiptLog, openings, receipts_of

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
KIT = make_covenant(now=NOW)
RECEIPTS = receipts_of(KIT)
ROOT = Path(__file__).parents[2]

app = typer.Typer()
app.callback()(lambda: None)
add_check(app)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with the covenant and two receipts."""
    (tmp_path / "covenant.json").write_bytes(pack(KIT.files))
    (tmp_path / "a.tlog-proof").write_bytes(RECEIPTS["SignalRegistered"])
    (tmp_path / "b.tlog-proof").write_bytes(RECEIPTS["HitOpened"])
    return tmp_path


def _run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def _with(files: Path, *more: object) -> Any:
    return _run(*sorted(files.glob("*.tlog-proof")), "--covenant", files / "covenant.json", *more)


def test_receipts_that_hold(files: Path) -> None:
    """Each file's name, that it holds, and in words what, when, who, why and where; what was not checked is said."""
    result = _with(files, "--lang", "nl")
    assert result.exit_code == 0
    assert result.stdout.count("Dit bewijs klopt.") == 2
    for words in ("a.tlog-proof", "Politie Oost", "Daderschap voorkomen", "21 november 2026", "Sleutelhouder 1"):
        assert words in result.stdout
    assert KIT.covenant.sha256 in result.stdout
    english = _with(files)
    assert english.stdout.count("This proof holds.") == 2
    assert "By whom" in english.stdout


def test_where_nothing_holds_nothing_is_said_to_stand_in_the_log(files: Path) -> None:
    """A changed receipt alone is not followed by what a proof means; beside one that holds, only that one is meant."""
    (files / "a.tlog-proof").write_bytes(_said(purpose=5))
    some = _with(files, "--html", files / "some.html")
    assert (some.exit_code, some.stdout.count("What holds, stands exactly so in the log")) == (21, 1)
    (files / "b.tlog-proof").unlink()
    none = _with(files, "--html", files / "none.html")
    assert none.exit_code == 21
    assert "Nothing is proven by this." in none.stdout
    assert "Hiermee is niets bewezen." in (files / "none.html").read_text()
    for said in (none.stdout, (files / "none.html").read_text()):
        assert "stands exactly so" not in said


def test_for_programs(files: Path) -> None:
    """With --json the only output is one object with the same facts, and the words in both languages."""
    result = _with(files, "--json")
    answer = json.loads(result.stdout)
    first, second = answer["receipts"]
    assert (result.exit_code, answer["holds"], answer["unsignedCovenants"]) == (0, True, [KIT.covenant.sha256])
    assert (first["event"], second["event"]) == ("SignalRegistered", "HitOpened")
    assert first["covenant"] == {
        "version": KIT.covenant.version,
        "sha256": KIT.covenant.sha256,
        "known": True,
    }
    assert (first["log"], first["size"]) == (KIT.log_signer.key.name, len(RECEIPTS))
    assert first["witnesses"] == [one.key.name for one in list(KIT.witness_signers.values())[:2]]
    assert first["seenAt"] == "2026-11-21T20:00:00.000Z"
    assert dict(first["words"]["nl"])["Door wie"] == "Politie Oost (police-oost)"
    assert set(first["words"]) == {"nl", "en"}


def test_a_page_for_people(files: Path) -> None:
    """With --html a page in both languages is written that only its owner can read."""
    page = files / "page.html"
    assert _with(files, "--html", page).exit_code == 0
    assert "Dit bewijs klopt." in page.read_text()
    assert page.stat().st_mode & 0o077 == 0


# --- What can be wrong ---


def _bent(**parts: Any) -> bytes:
    return replace(parse_tlog_proof(RECEIPTS["HitOpened"]), **parts).to_text().encode()


def _said(**record: Any) -> bytes:
    opening = json.loads(parse_tlog_proof(RECEIPTS["HitOpened"]).extra or b"")
    return _bent(extra=canonical_json(opening | {"record": opening["record"] | record}))


def _lonely() -> bytes:
    held = openings({"version": KIT.covenant.version, "sha256": KIT.covenant.sha256})
    return ReceiptLog(KIT, list(held.values())).receipt(0, witnesses=1)


def _renamed() -> bytes:
    held = openings({"version": "1999.9", "sha256": KIT.covenant.sha256})
    return ReceiptLog(KIT, list(held.values())).receipt(0)


WRONGS = {
    "no receipt": (b"hello", Code.MALFORMED, 20),
    "too large": (b"x" * 10**6, Code.TOO_LARGE, 20),
    "unreadable": (_said(event=99), Code.RECEIPT_INVALID, 21),
    "another word": (_said(agency="probation-oost"), Code.PROOF_INVALID, 22),
    "another place": (_bent(index=3), Code.PROOF_INVALID, 22),
    "another log": (
        _bent(checkpoint=parse_tlog_proof(RECEIPTS["HitOpened"]).checkpoint.replace("sluis.test/log\n", "other/log\n")),
        Code.LOG_UNKNOWN,
        23,
    ),
    "bent root": (
        _bent(checkpoint=parse_tlog_proof(RECEIPTS["HitOpened"]).checkpoint.replace(f"\n{len(RECEIPTS)}\n", "\n99\n")),
        Code.CHECKPOINT_INVALID,
        14,
    ),
    "too few witnesses": (_lonely(), Code.QUORUM_MISSING, 15),
    "another name": (_renamed(), Code.COVENANT_UNTRUSTED, 24),
}


@pytest.mark.parametrize("name", sorted(WRONGS))
def test_what_is_wrong_is_said_with_a_status_of_its_own(files: Path, name: str) -> None:
    """Each wrong has its own status, code and words; the other files are checked all the same."""
    content, code, status = WRONGS[name]
    (files / "0.tlog-proof").write_bytes(content)
    result = _with(files, "--lang", "nl")
    assert result.exit_code == status == WRONG[code]
    assert "0.tlog-proof: Dit bewijs klopt niet" in result.stdout
    assert result.stdout.count("Dit bewijs klopt.") == 2
    answer = json.loads(_with(files, "--json").stdout)
    assert [one["holds"] for one in answer["receipts"]] == [False, True, True]
    assert (answer["holds"], answer["receipts"][0]["code"]) == (False, code.value)


def test_statuses_are_told_apart() -> None:
    """No wrong shares a status with another kind of wrong, with a finding of the log, or with other commands."""
    distinct = {status for code, status in WRONG.items() if code not in FINDINGS}
    assert len(distinct) == len(set(WRONG) - set(FINDINGS)) - 1  # no receipt, and too large for one
    assert not distinct & set(FINDINGS.values())
    assert all(3 <= status < 64 for status in WRONG.values())
    assert set(WRONG.values()) == {status for _, _, status in WRONGS.values()}


def test_a_file_that_is_not_there(files: Path) -> None:
    """A file that cannot be read is said, with the status that all commands share; the others are checked."""
    result = _with(files, files / "none.tlog-proof")
    assert result.exit_code == 78
    assert result.stdout.count("This proof holds.") == 2


def test_a_hostile_receipt_cannot_speak_to_the_terminal(files: Path) -> None:
    """Control characters in what a receipt says do not reach the terminal."""
    held = openings({"version": KIT.covenant.version, "sha256": KIT.covenant.sha256})
    opening = held["HitOpened"]
    words = {"text": "\x1b]0;owned\x07\x1b[2J", "caseReference": "\u202e"}
    nasty = opening.model_copy(update={"subject": (opening.subject or {}) | {"words": words}})
    (files / "a.tlog-proof").write_bytes(ReceiptLog(KIT, [nasty]).receipt(0))
    result = _with(files)
    assert result.exit_code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--root", "root.json"],
        ["--covenant", "covenant.json", "--root", "root.json"],
        ["--from", "folder"],
        ["--covenant", "covenant.json", "--keep", "folder"],
        ["--covenant", "covenant.json", "--lang", "fr"],
    ],
)
def test_what_to_believe_must_be_said(files: Path, arguments: list[str]) -> None:
    """Without a covenant, with two that contradict, or in no language of ours, nothing is checked."""
    given = [str(files / word) if word.endswith(".json") else word for word in arguments]
    assert _run(files / "a.tlog-proof", *given).exit_code == 65


# --- With the board's root ---


def test_with_the_boards_root_and_later_without_network(files: Path, tmp_path: Path) -> None:
    """With a root the board's signatures are checked; what was kept serves later without its source."""
    board = signed_covenants(tmp_path / "board", KIT.files)
    rooted = ["--root", board.root_path, "--keep", tmp_path / "kept"]
    first = _run(files / "a.tlog-proof", *rooted, "--from", board.published)
    assert first.exit_code == 0
    assert "signatures under the covenant were checked" in first.stdout
    board.published.rename(tmp_path / "gone")
    again = _run(files / "a.tlog-proof", *rooted, "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["unsignedCovenants"] == []
    other = signed_covenants(tmp_path / "other", KIT.files)
    other.add_root()
    assert _run(files / "a.tlog-proof", "--root", other.work.folder / "2.root.json", *rooted[2:]).exit_code == 65


def test_signatures_that_ran_out(files: Path, tmp_path: Path) -> None:
    """When the board's signatures ran out nothing is believed of it: try later, or use the covenant's file."""
    board = signed_covenants(tmp_path / "board", KIT.files)
    rooted = ["--root", board.root_path, "--keep", tmp_path / "kept"]
    assert _run(files / "a.tlog-proof", *rooted, "--from", board.published).exit_code == 0
    with time_machine.travel(datetime.now(UTC) + timedelta(days=800)):
        assert _run(files / "a.tlog-proof", *rooted).exit_code == 75
        assert _with(files).exit_code == 0


# --- As a process ---


def test_a_process_that_may_use_no_socket(files: Path, tmp_path: Path) -> None:
    """The real command, where every use of a socket is an error, checks receipts by a file and by what was kept."""
    board = signed_covenants(tmp_path / "board", KIT.files)
    board.enrol(tmp_path / "kept" / "covenant")
    by_file = ["--covenant", files / "covenant.json"]
    by_root = ["--root", board.root_path, "--keep", tmp_path / "kept"]
    for believed in (by_file, by_root):
        command = ["audit", "check", files / "a.tlog-proof", files / "b.tlog-proof", *believed, "--json"]
        done = subprocess.run(
            [sys.executable, "-c", NO_NETWORK, *map(str, command)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["holds"] is True
