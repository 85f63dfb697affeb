# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit verify`` against a served log: what it prints, keeps and returns for each thing that can be wrong."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from auditor.cli import app
from edge.findings import FINDINGS, HEADLINES
from protocol.errors import Code
from tests.fakes.covenant_repository import SignedCovenants, signed_covenants
from tests.fakes.covenants import make_covenant
from tests.fakes.served_log import ServedLog, leaf

KIT = make_covenant(now=datetime(2026, 11, 21, 20, 0, tzinfo=UTC))
WITNESSES = list(KIT.witness_signers.values())


@pytest.fixture(scope="module")
def covenant(tmp_path_factory):
    """Return the options that name a board's root and its signed covenant."""
    board = signed_covenants(tmp_path_factory.mktemp("board"), KIT.files)
    return ["--root", str(board.root_path), "--from", str(board.published)]


@pytest.fixture
def log():
    """Return a log of 300 entries, cosigned by two of the covenant's three key-holders."""
    return ServedLog(KIT.log_signer, WITNESSES, 300)


def _run(log: ServedLog, covenant, *more: object):
    with log.on_loopback() as url:
        arguments = ["verify", "--broker", url, *covenant, *map(str, more)]
        return CliRunner().invoke(app, arguments)


def test_a_log_that_holds(log, covenant):
    """A log that holds is said to hold, with its size, who saw it and when; the status is 0."""
    result = _run(log, covenant)
    assert result.exit_code == 0
    assert "The log holds." in result.stdout
    assert "300, read from the first" in result.stdout
    assert " and ".join(witness.key.name for witness in WITNESSES[:2]) in result.stdout
    assert "2026-11-21T20:00:00.000Z" in result.stdout


def test_as_json(log, covenant):
    """With --json the only output is one object with the same facts."""
    result = _run(log, covenant, "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert answer["verified"] is True
    assert (answer["origin"], answer["size"], answer["readFrom"]) == (KIT.log_signer.key.name, 300, 0)
    assert answer["cosigners"] == [witness.key.name for witness in WITNESSES[:2]]


def test_it_goes_on_from_its_state(log, covenant, tmp_path):
    """With --state the second run reads only what is new, and the state moves on."""
    state = tmp_path / "state.json"
    assert _run(log, covenant, "--state", state).exit_code == 0
    first = state.read_bytes()
    log.grow(500)
    answer = json.loads(_run(log, covenant, "--state", state, "--json").stdout)
    assert (answer["size"], answer["readFrom"]) == (800, 300)
    assert state.read_bytes() != first
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def _fails(result, code: Code, status: int) -> None:
    assert result.exit_code == status == FINDINGS[code]
    assert f"({code.value})" in result.stderr
    assert result.stdout == ""


def test_altered(log, covenant):
    """An altered entry ends with 10."""
    log.leaves[5] = leaf(5, "other")
    result = _run(log, covenant)
    _fails(result, Code.LOG_ALTERED, 10)
    assert "The log does not hold: ALTERED." in result.stderr


@pytest.mark.parametrize("more", [0, 50])
def test_forked_keeps_both_notes(log, covenant, tmp_path, more):
    """Another history ends with 11, leaves the state, and keeps both signed notes beside it."""
    state = tmp_path / "state.json"
    _run(log, covenant, "--state", state)
    before, seen = state.read_bytes(), log.note
    log.leaves[5] = leaf(5, "other")
    log.grow(more)
    result = _run(log, covenant, "--state", state)
    _fails(result, Code.LOG_FORKED, 11)
    assert state.read_bytes() == before
    kept = json.loads((tmp_path / "state.json.log_forked-300.json").read_text())
    assert (kept["seen"], kept["found"]) == (seen, log.note)


def test_rolled_back(log, covenant, tmp_path):
    """A smaller log than was seen ends with 12 and is kept as evidence too."""
    state = tmp_path / "state.json"
    _run(log, covenant, "--state", state)
    del log.leaves[200:]
    log.sign()
    _fails(_run(log, covenant, "--state", state), Code.LOG_ROLLED_BACK, 12)
    assert (tmp_path / "state.json.log_rolled_back-300.json").exists()


def test_incomplete(log, covenant):
    """A log that does not serve its entries ends with 13."""
    del log.leaves[200:]
    _fails(_run(log, covenant), Code.LOG_INCOMPLETE, 13)


def test_a_checkpoint_of_another_log(covenant):
    """A checkpoint that the covenant's log key has not signed ends with 14."""
    stranger = make_covenant(now=datetime(2026, 11, 21, tzinfo=UTC)).log_signer
    log = ServedLog(type(stranger)("other.example/log", b"o" * 32), WITNESSES, 10)
    _fails(_run(log, covenant), Code.CHECKPOINT_INVALID, 14)


def test_not_yet_cosigned(log, covenant):
    """Too few witnesses end with 15 and are told apart from a log that does not hold."""
    log.cosigners = 1
    log.sign()
    result = _run(log, covenant)
    _fails(result, Code.QUORUM_MISSING, 15)
    assert "Not yet cosigned" in result.stderr
    assert "does not hold" not in result.stderr


def test_failure_as_json(log, covenant):
    """With --json a failure is one object with its code."""
    log.leaves[5] = leaf(5, "other")
    result = _run(log, covenant, "--json")
    answer = json.loads(result.stdout)
    assert (answer["verified"], answer["code"], result.exit_code) == (False, "log_altered", 10)


def test_the_same_in_dutch(log, covenant):
    """With --lang nl the words are Dutch, of what holds and of what does not; another language there is not."""
    assert "Het logboek klopt." in _run(log, covenant, "--lang", "nl").stdout
    log.leaves[5] = leaf(5, "other")
    result = _run(log, covenant, "--lang", "nl")
    assert (result.exit_code, "Het logboek klopt niet: VERANDERD." in result.stderr) == (10, True)
    assert _run(log, covenant, "--lang", "fr").exit_code == 65


def test_every_alarm_has_its_word():
    """Each finding but "not yet" and a pack's has a headline in both languages."""
    assert set(FINDINGS) - set(HEADLINES) == {Code.QUORUM_MISSING, Code.PACK_INVALID}


def test_findings_have_statuses_of_their_own():
    """No two findings share a status, and none is one that shells or other commands use."""
    assert len(set(FINDINGS.values())) == len(FINDINGS)
    assert all(3 <= status < 64 for status in FINDINGS.values())


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"version": 2, "note": "", "tree": ""}', b"\xff"])
def test_a_broken_state_is_said(log, covenant, tmp_path, content):
    """A state file that is none is a configuration error (78), and is left as it was."""
    state = tmp_path / "state.json"
    state.write_bytes(content)
    result = _run(log, covenant, "--state", state)
    assert result.exit_code == 78
    assert "state file" in result.stderr
    assert state.read_bytes() == content


def test_a_state_whose_tree_is_not_its_notes(log, covenant, tmp_path):
    """A state file whose tree does not have the root of its note is refused."""
    state = tmp_path / "state.json"
    _run(log, covenant, "--state", state)
    held = json.loads(state.read_text())
    log.grow(1)
    _run(log, covenant, "--state", state)
    state.write_text(json.dumps(json.loads(state.read_text()) | {"tree": held["tree"]}))
    assert _run(log, covenant, "--state", state).exit_code == 78


def test_a_broker_that_is_not_there(covenant):
    """A broker that cannot be reached ends with 75, and a wrong address or covenant with 78."""
    runner = CliRunner()
    assert runner.invoke(app, ["verify", "--broker", "http://127.0.0.1:9", *covenant]).exit_code == 75
    assert runner.invoke(app, ["verify", "--broker", "ftp://x", *covenant]).exit_code == 78
    assert runner.invoke(app, ["verify", "--broker", "http://127.0.0.1:9", "--root", "/nowhere"]).exit_code == 78


def test_a_covenant_that_the_board_did_not_sign(log, covenant, tmp_path):
    """Under another board's root nothing is concluded: the covenant is not believed, and the status is 76."""
    mine = SignedCovenants(tmp_path / "mine", board=("one", "two", "three"))
    mine.add_root()
    result = _run(log, ["--root", str(mine.root_path), *covenant[2:]])
    assert result.exit_code == 76
    assert "covenant_untrusted" in result.output


def test_a_kept_covenant_serves_when_its_source_is_away(log, covenant, tmp_path):
    """With --keep the covenant is remembered, so that a source that is away stops no audit."""
    board = signed_covenants(tmp_path / "board", KIT.files)
    named = ["--root", str(board.root_path), "--from", str(board.published), "--keep", str(tmp_path / "kept")]
    assert _run(log, named).exit_code == 0
    board.published.rename(tmp_path / "gone")
    assert _run(log, named).exit_code == 0
    assert _run(log, named[:4]).exit_code == 75


def test_an_entry_that_stands_twice(log, covenant):
    """A log that adds up and tells one act at two places ends with 25."""
    log.leaves[7] = log.leaves[290]
    log.sign()
    _fails(_run(log, covenant), Code.LOG_DOUBLED, 25)
