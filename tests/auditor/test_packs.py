# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit check-pack``: what it prints and returns, by a covenant in hand or by the board's signatures."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditor.cli import app
from auditor.pack_words import WORDS
from protocol.ids import PartyId
from tests.fakes.covenant_repository import SignedCovenants, signed_covenants
from tests.fakes.covenants import amended
from tests.fakes.evidence_packs import COVENANT_BUNDLE, KIT, Bend, make_pack


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Return a folder with a pack and the covenant that its checker was given."""
    folder = tmp_path_factory.mktemp("supervisor")
    (folder / "pack.zip").write_bytes(make_pack())
    (folder / "covenant.json").write_bytes(COVENANT_BUNDLE)
    return folder


def _check(pack: Path, *more: object):
    return CliRunner().invoke(app, ["check-pack", str(pack), *map(str, more)])


def test_a_pack_that_holds_with_a_covenant_in_hand(place):
    """Nobody is asked; what holds is said line by line, and what it does not prove."""
    result = _check(place / "pack.zip", "--covenant", place / "covenant.json")
    assert result.exit_code == 0, result.output
    assert "The pack holds." in result.stdout
    assert "5 entries from 2026-11-21T00:00:00.000Z" in result.stdout
    assert "Something of 1 entries was erased" in result.stdout
    assert "as entry 7" in result.stdout
    assert WORDS["pages"][1] in result.stdout
    assert WORDS["limits"][1] in result.stdout


def test_the_same_in_dutch_and_as_json(place):
    """The words are Dutch when asked; one JSON object has the same facts for programs."""
    assert (
        "Het pakket klopt." in _check(place / "pack.zip", "--covenant", place / "covenant.json", "--lang", "nl").stdout
    )
    answer = json.loads(_check(place / "pack.zip", "--covenant", place / "covenant.json", "--json").stdout)
    assert (answer["holds"], answer["entries"], answer["erased"], answer["agency"]) == (True, 5, 1, "police-oost")
    assert answer["operations"] == {"administration": 1, "consultation": 1, "erasure": 3}
    assert answer["pagesCompared"] is True


def test_a_covenant_as_a_folder(place, tmp_path):
    """The covenant may be the folder that the board publishes for people."""
    assert _check(place / "pack.zip", "--covenant", KIT.write(tmp_path)).exit_code == 0


def test_a_pack_that_holds_by_the_boards_signatures(place, tmp_path):
    """With the board's root and a copy of what it publishes, no covenant needs to be in hand."""
    board = signed_covenants(tmp_path, KIT.files)
    result = _check(place / "pack.zip", "--root", board.root_path, "--from", board.published)
    assert result.exit_code == 0, result.output
    assert "the board signed" in result.stdout


def test_a_pack_under_a_covenant_that_the_board_never_signed(place, tmp_path):
    """A board that signed another covenant gives no trust to this one's keys: nothing is concluded, status 76."""
    board = signed_covenants(tmp_path, amended(KIT, "2026.9").files)
    result = _check(place / "pack.zip", "--root", board.root_path, "--from", board.published)
    assert (result.exit_code, "never signed" in result.stderr) == (76, True)


def test_a_pack_of_another_version_is_no_false_pack(place, tmp_path):
    """Under another version of the covenant nothing is concluded, and the one to give is named: status 78."""
    folder = amended(KIT, "2026.9").write(tmp_path)
    result = _check(place / "pack.zip", "--covenant", folder)
    assert (result.exit_code, KIT.covenant.sha256 in result.stderr) == (78, True)
    assert "does NOT hold" not in result.stderr


def test_another_boards_root_trusts_nothing(place, tmp_path):
    """Under a root that did not sign these covenants the check ends before the pack is looked at."""
    board = signed_covenants(tmp_path, KIT.files)
    mine = SignedCovenants(tmp_path / "mine", board=("one", "two", "three"))
    mine.add_root()
    result = _check(place / "pack.zip", "--root", mine.root_path, "--from", board.published)
    assert (result.exit_code, "covenant_untrusted" in result.stderr) == (76, True)


@pytest.mark.parametrize(
    ("bend", "status", "said"),
    [
        (Bend(signer=PartyId("care-linde")), 18, "The pack does NOT hold."),
        (Bend(manifest={"exports": ()}), 18, "The pack does NOT hold."),
        (Bend(cosigners=1), 15, "Nothing was concluded"),
    ],
)
def test_a_pack_that_does_not_hold(place, tmp_path, bend, status, said):
    """It is said in one line, with what is wrong; too few witnesses is no accusation."""
    (tmp_path / "bent.zip").write_bytes(make_pack(bend))
    result = _check(tmp_path / "bent.zip", "--covenant", place / "covenant.json")
    assert (result.exit_code, said in result.stderr) == (status, True), result.output
    assert result.stdout == ""


def test_a_changed_byte_is_named(place, tmp_path):
    """The file that was changed is named to who checks, also as JSON."""
    raw = (place / "pack.zip").read_bytes()
    # Other files of the pack have the code too, such as the covenant.
    with zipfile.ZipFile(io.BytesIO(raw)) as pack:
        at = raw.index(b"own-case", pack.getinfo("entries.csv").header_offset)
    (tmp_path / "bent.zip").write_bytes(raw[:at] + b"OWN-case" + raw[at + 8 :])
    result = _check(tmp_path / "bent.zip", "--covenant", place / "covenant.json")
    assert (result.exit_code, "entries.csv" in result.stderr) == (18, True)
    answer = json.loads(_check(tmp_path / "bent.zip", "--covenant", place / "covenant.json", "--json").stdout)
    assert (answer["holds"], answer["code"]) == (False, "pack_invalid")


def test_pages_of_another_version_are_said_not_to_be_compared(place, tmp_path):
    """Then the numbers to rely on are those that the check prints, and it says so."""
    (tmp_path / "other.zip").write_bytes(make_pack(Bend(manifest={"pages": "0" * 64})))
    result = _check(tmp_path / "other.zip", "--covenant", place / "covenant.json")
    assert (result.exit_code, WORDS["pages-not"][1] in result.stdout) == (0, True)


@pytest.mark.parametrize(
    "options",
    [[], ["--root", "x"], ["--from", "x"], ["--covenant", "a", "--root", "b", "--from", "c"], ["--lang", "fr"]],
)
def test_options_that_make_no_sense(place, options):
    """Whose covenant counts is said in exactly one way."""
    assert _check(place / "pack.zip", *options).exit_code == 65


def test_files_that_are_not_there(place, tmp_path):
    """A pack or covenant that cannot be read is said to be so, and is no accusation."""
    assert _check(tmp_path / "none.zip", "--covenant", place / "covenant.json").exit_code == 65
    assert _check(place / "pack.zip", "--covenant", tmp_path / "none.json").exit_code == 78
    (tmp_path / "not.json").write_text("{}")
    assert _check(place / "pack.zip", "--covenant", tmp_path / "not.json").exit_code == 78
