# SPDX-License-Identifier: EUPL-1.2
"""The commands of an operator: a ceremony from nothing, each step repeatable, errors without stack traces."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from keyholder.ledger import Ledger
from keyholder.main import app
from keyholder.settings import open_home
from protocol.covenant import Covenant, dump_parties, read_party
from protocol.covenant_parts import Parties
from protocol.errors import Code
from protocol.ids import Epoch, PartyId, PurposeId
from tests.fakes.covenant_repository import SignedCovenants, signed_covenants
from tests.fakes.covenants import make_covenant
from tests.fakes.keyholders import ENVIRONMENT, KeyHolders

NOW = datetime.now(UTC)


def invoke(*arguments: object, passphrase: str | None = None) -> Result:
    """Run ``sluis keyholder ARGUMENTS``."""
    environment = ENVIRONMENT if passphrase is None else {"SLUIS_PASSPHRASE": passphrase}
    return CliRunner().invoke(app, [str(one) for one in arguments], env=environment)


def init(home: Path, number: int, **changes: str) -> Result:
    """Run init with good values, some changed."""
    options = {
        "home": str(home),
        "id": f"holder-{number}",
        "index": str(number),
        "holders": "3",
        "threshold": "2",
        "title": f"Sleutelhouder {number}",
        "url": f"http://127.0.0.1:{8440 + number}",
        "key-file-cost": "interactive",
    } | changes
    return invoke("init", *(part for name, value in options.items() for part in (f"--{name}", value)))


def good(result: Result) -> str:
    """Expect success and return what was said."""
    assert result.exit_code == 0, result.output
    return re.sub(r"\s+", " ", result.output)


def refused(result: Result, code: Code) -> str:
    """Expect one clear line with this code, and no stack trace."""
    assert result.exit_code not in (0, 1), result.output
    assert f"({code.value}" in result.output
    assert "Traceback" not in result.output
    return re.sub(r"\s+", " ", result.output)


def test_a_ceremony_from_nothing(tmp_path: Path) -> None:
    """Three inits, a covenant, deals, accepts and fingerprints: then all hold their seeds and read the same."""
    homes = [tmp_path / f"home-{index}" for index in (1, 2, 3)]
    for index, home in enumerate(homes, start=1):
        good(init(home, index))
    enrol(tmp_path, homes)
    assert "awaited from key-holder 1" in good(invoke("fingerprints", "--home", homes[1]))
    for home in homes:
        good(invoke("deal", "--home", home, "--out", tmp_path / "out"))
    packages = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert packages == ["seed-1-2-for-2.json", "seed-1-3-for-3.json", "seed-2-3-for-3.json"]
    for home, number in zip(homes[1:], (2, 3), strict=True):
        files = sorted((tmp_path / "out").glob(f"*-for-{number}.json"))
        assert "Every seed is here" in good(invoke("accept", "--home", home, *files))
        again = good(invoke("accept", "--home", home, *files))
        assert again.count("was here already") == len(files)
    said = [good(invoke("fingerprints", "--home", home)) for home in homes]
    heard = [dict(re.findall(r"(\d-\d) │ \d │ ((?:[0-9a-f]{4} ){7}[0-9a-f]{4})", text)) for text in said]
    assert [sorted(one) for one in heard] == [["1-2", "1-3"], ["1-2", "2-3"], ["1-3", "2-3"]]
    assert heard[0]["1-2"] == heard[1]["1-2"]
    assert heard[0]["1-3"] == heard[2]["1-3"]
    assert heard[1]["2-3"] == heard[2]["2-3"]


def test_a_new_seed_for_a_set_that_has_one_is_refused(tmp_path: Path, key_holders: KeyHolders) -> None:
    """After a dealer lost its seeds and dealt anew, the others keep what they have and say so."""
    home = key_holders.homes[0]
    lost = tmp_path / "lost"
    lost.mkdir()
    for name in ("keyholder.json", "identity.key"):
        (lost / name).write_bytes((home / name).read_bytes())
        (lost / name).chmod(0o600)
    key_holders.board.enrol(lost / "covenant")
    good(invoke("deal", "--home", lost, "--out", tmp_path / "out"))
    package = tmp_path / "out" / "seed-1-2-for-2.json"
    before = key_holders.held(2)
    said = refused(
        invoke("accept", "--home", key_holders.homes[1], package),
        Code.CONFLICT,
    )
    assert "is kept" in said
    assert key_holders.held(2) == before


def test_a_dealer_that_lost_its_seeds_draws_no_others(tmp_path: Path) -> None:
    """Without its seeds folder a dealer refuses to deal: the other members have the seeds that it drew before."""
    homes = [tmp_path / f"home-{index}" for index in (1, 2, 3)]
    for index, home in enumerate(homes, start=1):
        good(init(home, index))
    enrol(tmp_path, homes)
    command = ("deal", "--home", homes[0], "--out", tmp_path / "out")
    good(invoke(*command))
    (homes[0] / "seeds").rename(tmp_path / "elsewhere")
    assert "1-2, 1-3 was drawn here before" in refused(invoke(*command), Code.CONFLICT)
    (tmp_path / "elsewhere").rename(homes[0] / "seeds")
    good(invoke(*command))


def test_init_again_keeps_the_keys(home_folder: Path) -> None:
    """Init with the same values changes nothing; with other values it is refused."""
    good(init(home_folder, 1))
    before = (home_folder / "party.yaml").read_text()
    good(init(home_folder, 1))
    assert (home_folder / "party.yaml").read_text() == before
    refused(init(home_folder, 1, url="http://127.0.0.1:9000"), Code.CONFLICT)
    assert (home_folder / "party.yaml").read_text() == before


def test_the_party_statement_holds_no_secret(home_folder: Path) -> None:
    """What is given to the board has the public keys only, and no file but that one can be read by others."""
    good(init(home_folder, 1))
    stated = read_party("party.yaml", (home_folder / "party.yaml").read_bytes()).key_holder
    assert stated is not None
    assert stated.id == "holder-1"
    readable = {path.name for path in home_folder.iterdir() if path.stat().st_mode & 0o044}
    assert readable == {"party.yaml"}


@pytest.mark.parametrize(
    ("field", "value"), [("id", "Holder 1"), ("index", "4"), ("threshold", "1"), ("url", "ftp://x"), ("holders", "99")]
)
def test_wrong_values_are_explained(home_folder: Path, field: str, value: str) -> None:
    """A value that cannot be is refused before anything is made."""
    refused(init(home_folder, 1, **{field: value}), Code.MALFORMED)
    assert not (home_folder / "keyholder.json").exists()


def test_a_short_passphrase_is_refused(home_folder: Path) -> None:
    """New key files want a passphrase that is worth its name."""
    result = CliRunner().invoke(
        app,
        f"init --home {home_folder} --id h-1 --index 1 --holders 3 --threshold 2 --title T --url http://h:1".split(),
        env={"SLUIS_PASSPHRASE": "kort"},
    )
    refused(result, Code.SETTINGS_INVALID)


def test_a_wrong_passphrase_is_said_to_be_wrong(key_holders: KeyHolders) -> None:
    """A wrong passphrase gives one line that says so."""
    refused(
        invoke(
            "fingerprints",
            "--home",
            key_holders.homes[0],
            passphrase="een heel andere zin",
        ),
        Code.WRONG_PASSPHRASE,
    )


def test_a_folder_without_a_home_is_explained(tmp_path: Path) -> None:
    """A wrong folder gives a line that says what was looked for, and how to make it."""
    arguments = ("--home", tmp_path / "nowhere")
    for command in (("ratchet",), ("run",), ("deal", "--out", tmp_path)):
        assert "sluis keyholder init" in refused(invoke(*command, *arguments), Code.SETTINGS_INVALID)
    assert "sluis keyholder init" in refused(invoke("ledger", "--home", tmp_path), Code.SETTINGS_INVALID)


def test_run_before_the_ceremony_is_refused(tmp_path: Path) -> None:
    """Without its seeds a key-holder does not start, and says which are missing."""
    homes = [tmp_path / f"home-{index}" for index in (1, 2, 3)]
    for index, home in enumerate(homes, start=1):
        good(init(home, index))
    enrol(tmp_path, homes)
    said = refused(invoke("run", "--home", homes[2]), Code.SETTINGS_INVALID)
    assert "no seed of set 1-3, 2-3" in said


def test_a_covenant_with_other_keys_is_refused(tmp_path: Path, key_holders: KeyHolders) -> None:
    """A covenant that names this key-holder with another key stops every command, and says what differs."""
    home = tmp_path / "home-1"
    good(init(home, 1))
    other = signed_covenants(tmp_path / "board", make_covenant(now=NOW).files)
    enrolled = invoke("enrol", "--home", home, "--root", other.root_path, "--from", other.published)
    for said in (enrolled, invoke("ratchet", "--home", home)):
        assert "signing key, sealing key, witness key" in refused(said, Code.COVENANT_INVALID)


def test_a_home_that_did_not_enrol_is_told_how(tmp_path: Path) -> None:
    """Before enrol no command knows whose covenant to believe, and says what to do."""
    good(init(tmp_path / "home-1", 1))
    assert "enrol" in refused(invoke("ratchet", "--home", tmp_path / "home-1"), Code.COVENANT_INVALID)


def test_another_root_is_not_pinned(tmp_path: Path, key_holders: KeyHolders) -> None:
    """Who enrolled under one board's root is not moved to another's by a command."""
    board = replace(key_holders.board, folder=tmp_path / "board", board=("one", "two", "three"))
    board.add_root()
    board.add(key_holders.kit.files)
    enrol = ("enrol", "--home", key_holders.homes[0], "--root", board.root_path, "--from", board.publish())
    assert "Another root" in refused(invoke(*enrol), Code.CONFLICT)


def test_a_changed_byte_of_the_kept_covenant_is_refused(tmp_path: Path) -> None:
    """With its source away, a key-holder whose kept covenant was changed does not act: the bytes are not signed."""
    homes = [tmp_path / f"home-{index}" for index in (1, 2, 3)]
    for index, home in enumerate(homes, start=1):
        good(init(home, index))
    enrol(tmp_path, homes).published.rename(tmp_path / "gone")
    (bundle,) = (homes[0] / "covenant" / "targets").glob("*.json")
    bundle.write_bytes(bundle.read_bytes().replace(b"guard", b"guarb", 1))
    assert "not those that were signed" in refused(invoke("ratchet", "--home", homes[0]), Code.COVENANT_UNTRUSTED)


def test_the_ledger_is_shown_as_tables(key_holders: KeyHolders) -> None:
    """Use, refusals and destroyed keys are shown per agency, purpose and day."""
    ledger = Ledger(open_home(key_holders.homes[2]).ledger_path)
    police, purpose = PartyId("police-oost"), PurposeId("offender-prevention")
    ledger.reserve(police, purpose, NOW.date(), 321, 1_000)
    ledger.refuse(NOW, police, purpose, Code.BUDGET_EXHAUSTED, 777)
    ledger.begin_destruction(range(2, 3), NOW)
    ledger.finish_destruction(Epoch(3), NOW)
    ledger.close()
    said = good(invoke("ledger", "--home", key_holders.homes[2]))
    assert re.search(r"police-oost │ offender-prevention │ 1 │ 321", said)
    assert re.search(r"police-oost │ offender-prevention │ budget_exhausted │ 1 │ 777", said)
    assert "Keys destroyed" in said
    assert "ALARM" not in said


@pytest.mark.parametrize("command", ["init", "enrol", "deal", "accept", "fingerprints", "ratchet", "run", "ledger"])
def test_every_command_teaches(command: str) -> None:
    """Each command explains itself and its options."""
    said = good(invoke(command, "--help"))
    assert "--home" in said
    assert len(said) > 200


def enrol(folder: Path, homes: list[Path]) -> SignedCovenants:
    """Let a board sign a covenant that names the key-holders of these homes, and each of them enrol."""
    kit = make_covenant(now=NOW)
    stated = [read_party("party.yaml", (home / "party.yaml").read_bytes()).key_holder for home in homes]
    agreed = kit.covenant
    parties = Parties(
        agencies=agreed.agencies,
        key_holders=tuple(holder for holder in stated if holder is not None),
        broker=agreed.broker,
        log=agreed.log,
    )
    kit.files["parties.yaml"] = dump_parties(parties).encode()
    Covenant.parse(kit.files)
    assert json.loads((homes[0] / "keyholder.json").read_bytes())["index"] == 1
    board = signed_covenants(folder / "board", kit.files)
    for home in homes:
        said = good(invoke("enrol", "--home", home, "--root", board.root_path, "--from", board.published))
        assert "signed by the board" in said
    return board
