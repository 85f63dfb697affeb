# SPDX-License-Identifier: EUPL-1.2
"""Which covenants a receipt is checked with: those of files, and those that a board signed, also without network."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.checking import GivenCovenants, SignedCovenants, check_receipt
from protocol.checkpoint import WitnessSigner
from protocol.covenant_bundle import pack
from protocol.errors import Code, SluisError
from tests.fakes.covenant_repository import SignedCovenants as Board
from tests.fakes.covenant_repository import signed_covenants
from tests.fakes.covenants import CovenantKit, amended, make_covenant, seed_of
from tests.fakes.receipt_log import ReceiptLog, openings, receipts_of

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
KIT = make_covenant(now=NOW)
OTHER = amended(make_covenant(now=NOW, agencies=4), "later")
RECEIPTS = receipts_of(KIT)
NAMES = sorted(RECEIPTS)


@dataclass
class Files:
    """A folder of covenant files."""

    folder: Path

    def put(self, *kits: CovenantKit) -> list[Path]:
        """Write each covenant as a file."""
        written = []
        for place, kit in enumerate(kits):
            file = self.folder / f"covenant-{place}.json"
            file.write_bytes(pack(kit.files))
            written.append(file)
        return written


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Return a folder for covenants."""
    return Files(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_receipt_of_each_kind_holds(files: Files, name: str) -> None:
    """With the covenant's file alone each kind of receipt holds, under the version that it names."""
    proven = check_receipt(RECEIPTS[name], GivenCovenants(files.put(OTHER, KIT)))
    assert type(proven.receipt.event).__name__ == name
    assert proven.covenant is not None
    assert proven.covenant.sha256 == proven.receipt.terms.sha256 == KIT.covenant.sha256


def test_a_receipt_under_a_covenant_that_is_not_given(files: Files) -> None:
    """Under another version with the same log and witnesses the proof holds, and its own is said to be lacking."""
    proven = check_receipt(RECEIPTS["HitOpened"], GivenCovenants(files.put(OTHER)))
    assert proven.covenant is None
    assert proven.receipt.terms.sha256 == OTHER.covenant.sha256


def test_a_version_by_another_name(files: Files) -> None:
    """An entry that gives a known version another name is not believed."""
    held = openings({"version": "1999.9", "sha256": KIT.covenant.sha256})
    raw = ReceiptLog(KIT, list(held.values())).receipt(0)
    with pytest.raises(SluisError) as caught:
        check_receipt(raw, GivenCovenants(files.put(KIT)))
    assert caught.value.code is Code.COVENANT_UNTRUSTED


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 100, None])
def test_files_that_are_no_covenants(tmp_path: Path, content: bytes | None) -> None:
    """A file that is no covenant, or not there, is said as one of ours."""
    file = tmp_path / "covenant.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SluisError) as caught:
        GivenCovenants([file])
    assert caught.value.code is Code.COVENANT_INVALID


def test_a_covenant_that_lacks_a_party(tmp_path: Path) -> None:
    """A covenant without its log or key-holders cannot check anything."""
    file = tmp_path / "covenant.json"
    file.write_bytes(pack({name: text for name, text in KIT.files.items() if name != "parties.yaml"}))
    with pytest.raises(SluisError) as caught:
        GivenCovenants([file])
    assert caught.value.code is Code.COVENANT_INVALID


# --- Signed by a board ---


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """Return a board that signed the covenant, and later another."""
    made = signed_covenants(tmp_path / "board", KIT.files)
    made.enrol(tmp_path / "before")
    made.add(OTHER.files)
    made.publish()
    return made


def test_an_earlier_version_of_the_board(board: Board, tmp_path: Path) -> None:
    """A receipt of before the covenant changed holds under the version of then, fetched as the board signed it."""
    trust = board.enrol(tmp_path / "trust")
    current = trust.load().covenant
    assert current.sha256 == OTHER.covenant.sha256
    proven = check_receipt(RECEIPTS["SignalRegistered"], SignedCovenants(trust, current))
    assert proven.covenant is not None
    assert proven.receipt.terms.sha256 == proven.covenant.sha256 == KIT.covenant.sha256


def test_a_version_between_the_events_and_the_present_one(tmp_path: Path) -> None:
    """A checkpoint that only a version between the event's and today's can vouch for holds by that version's keys."""
    held = openings({"version": KIT.covenant.version, "sha256": KIT.covenant.sha256})
    witnesses = {name: WitnessSigner(f"new.example/{name}", seed_of(f"new {name}")) for name in KIT.witness_signers}
    keys = {KIT.witness_signers[name].key.vkey.encode(): signer.key.vkey.encode() for name, signer in witnesses.items()}
    parties = KIT.files["parties.yaml"]
    for old, new in keys.items():
        parties = parties.replace(old, new)
    between = amended(replace(KIT, files=KIT.files | {"parties.yaml": parties}), "between")
    between = replace(between, witness_signers=witnesses)
    board = signed_covenants(tmp_path / "board", KIT.files)
    for kit in (between, OTHER):
        board.add(kit.files)
    board.publish()
    trust = board.enrol(tmp_path / "trust")
    raw = ReceiptLog(between, list(held.values())).receipt(0)
    proven = check_receipt(raw, SignedCovenants(trust, trust.load().covenant))
    assert proven.covenant is not None
    assert proven.covenant.sha256 == KIT.covenant.sha256
    assert proven.receipt.terms.version == "between"
    assert len(trust.versions()) == 3
    lonely = ReceiptLog(between, list(held.values())).receipt(0, witnesses=1)
    with pytest.raises(SluisError) as caught:
        check_receipt(lonely, SignedCovenants(trust, trust.load().covenant))
    assert caught.value.code is Code.QUORUM_MISSING


def test_an_earlier_version_that_cannot_be_fetched(board: Board, tmp_path: Path) -> None:
    """With the source gone, and the earlier version not kept, the proof holds under the current one's keys."""
    trust = board.enrol(tmp_path / "trust")
    board.published.rename(tmp_path / "gone")
    covenants = SignedCovenants(trust, trust.load().covenant)
    proven = check_receipt(RECEIPTS["SignalRegistered"], covenants)
    assert proven.covenant is None
    assert proven.receipt.terms.sha256 == OTHER.covenant.sha256


def test_a_version_that_the_board_never_signed(board: Board, tmp_path: Path) -> None:
    """An entry under rules that the board never signed is no proof of an act under the covenant."""
    trust = board.enrol(tmp_path / "trust")
    raw = receipts_of(make_covenant(now=NOW, agencies=3))["SignalRegistered"]
    with pytest.raises(SluisError) as caught:
        check_receipt(raw, SignedCovenants(trust, trust.load().covenant))
    assert caught.value.code is Code.COVENANT_UNTRUSTED
