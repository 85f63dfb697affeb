# SPDX-License-Identifier: EUPL-1.2
"""Receipts from the vault: of every act and notice that the log proved, whole, small, and the same each time."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from sqlmodel import select
from typer.testing import CliRunner

from agency_client.ask import question_of
from agency_client.commands_receipts import add_receipts
from agency_client.receipts import Wanted, write_receipts
from agency_client.signed_versions import SignedVersions
from agency_client.statistics import Statistics, Wish
from agency_client.vault.database import Database
from agency_client.vault.tables import CheckpointRow, ReceiptRow, SubtreeRow
from edge.covenant_trust import CovenantTrust
from edge.keyfile import SecretBytes, ValueCipher
from protocol.commitments import without_subject
from protocol.covenant import Covenant
from protocol.errors import Code, SluisError, VerificationError
from protocol.ids import PartyId, PurposeId
from protocol.messages import Justification, Opening, Refusal, parse
from protocol.normalise import Person
from protocol.receipts import CheckedReceipt, ReceiptTerms, read_receipt, verify_receipt
from tests.fakes.agency import Client, clock, make_client, signed_nothing
from tests.fakes.covenant_repository import signed_covenants
from tests.fakes.covenants import make_covenant
from tests.fakes.machine import machine_of
from tests.fakes.small_world import NOW, PURPOSE, World, agreed_of, make_world

BSN = "123456782"
ANNA = [("bsn", BSN), ("name-dob", "anna|vries|2004-02-29")]
WHY = Justification(code="own-case", text="Zorgen om Anna.", case_reference="Z-ANNA-1")
WHO = "0" * 32
LIMIT = "guard.limit"


async def busy(folder: Path, world: World) -> Client:
    """Return the police after each kind of act: a push, a refused push, a notice, an opening, a question, a reading of
    numbers, a withdrawal.
    """
    police, care = make_client(folder / "p", world), make_client(folder / "c", world, "care-linde")
    police.add(("P-1", ANNA))
    assert await police.send() is None
    care.add(("C-1", ANNA))
    assert await care.send() is None
    await police.reading.read()
    await police.acts.open(police.vault.hits.all()[0].id, WHY, WHO)
    person = Person(given_names="Anna", surname="de Vries", birth_date="2004-02-29", bsn=BSN)
    await police.asking.ask(question_of(person, PURPOSE, WHY, world.kit.covenant), WHO)
    await police.acts.withdraw(police.acts.find_signal("P-1"), "case-closed", WHO)
    world.broker.refuse = Refusal(code="policy_refused", rule=LIMIT, detail="No.")
    police.add(("P-2", [("bsn", "111222333")]))
    assert await police.send() is None
    return police


KINDS = {"SignalRegistered", "NoticeIssued", "HitOpened", "QueryAnswered", "SignalWithdrawn", "SignalRefused"}


def _written(client: Client, folder: Path, wanted: Wanted | None = None, *, bare: bool = False) -> list[Path]:
    return [one.file for one in write_receipts(client.vault, wanted or Wanted(), folder, lambda _: None, bare=bare)]


def _checked(files: list[Path], covenant: Covenant) -> list[CheckedReceipt]:
    return [verify_receipt(file.read_bytes(), [ReceiptTerms.of(covenant)]) for file in files]


def _kinds(found: list[CheckedReceipt]) -> set[str]:
    return {type(one.event).__name__ for one in found}


async def test_every_act_has_a_receipt_that_holds(tmp_path: Path, world: World) -> None:
    """A push, a refusal, a notice, an opening, a question and a withdrawal each give a file that proves it."""
    police = await busy(tmp_path, world)
    files = _written(police, tmp_path / "out")
    found = _checked(files, world.kit.covenant)
    assert _kinds(found) == KINDS
    assert len(files) == police.vault.evidence.count_receipts() == police.vault.proofs.count() == len(KINDS)
    assert {file.name for file in files} == {f"receipt-{one.index}.tlog-proof" for one in found}
    assert all(len(one.cosigned.cosigners) == 2 for one in found)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


async def test_a_reading_of_numbers_has_a_receipt_too(tmp_path: Path) -> None:
    """Statistics that were read have a receipt, as anything has that is proven and kept."""
    rapporteur = PartyId("rapporteur")
    counting = make_world(make_covenant(now=NOW, also=[(rapporteur, "rapporteur", "Nationaal Rapporteur")]))
    client = make_client(tmp_path / "r", counting, rapporteur)
    agreed = agreed_of(counting.kit.covenant)
    reader = Statistics(client.vault.evidence, counting.broker.door(rapporteur), client.trail,
                        SignedVersions(agreed, signed_nothing), agreed.engine, clock)  # fmt: skip
    about, under = PurposeId("victim-protection"), PurposeId("monitoring-statistics")
    await reader.read(Wish(about, under, 2026, rapporteur, WHO, "coordinator"))
    assert _kinds(_checked(_written(client, tmp_path / "out"), counting.kit.covenant)) == {"StatisticsRead"}


async def test_receipts_stay_true_while_the_log_grows(tmp_path: Path, world: World) -> None:
    """Written again after the log grew, receipts are the same files, byte for byte; nothing else is in the folder."""
    police = await busy(tmp_path, world)
    before = {file: file.read_bytes() for file in _written(police, tmp_path / "out")}
    other = make_client(tmp_path / "m", world, "municipality-dalen")
    world.broker.refuse = None
    other.add(*((f"M-{n}", [("bsn", f"{n:09}")]) for n in range(40)))
    assert await other.send() is None
    times = {file: file.stat().st_mtime_ns for file in before}
    again = _written(police, tmp_path / "out")
    assert {file: file.read_bytes() for file in again} == before
    assert {file: file.stat().st_mtime_ns for file in again} == times
    assert sorted((tmp_path / "out").iterdir()) == sorted(before)
    _checked(again, world.kit.covenant)


async def test_only_what_is_wanted(tmp_path: Path, world: World) -> None:
    """Receipts can be asked for by signal, notice, hit and day; what does not meet it all is left out."""
    police = await busy(tmp_path, world)
    (hit,) = police.vault.hits.all()
    mine = frozenset({police.acts.find_signal("P-1").id})
    refused = frozenset({police.acts.find_signal("P-2").id})
    number = 0

    def kinds(**conditions: Any) -> set[str]:
        nonlocal number
        number += 1
        return _kinds(_checked(_written(police, tmp_path / str(number), Wanted(**conditions)), world.kit.covenant))

    assert kinds(signals=mine) == {"SignalRegistered", "NoticeIssued", "HitOpened", "SignalWithdrawn"}
    assert kinds(signals=refused) == {"SignalRefused"}
    assert kinds(hit=hit.id) == {"NoticeIssued", "HitOpened"}
    assert kinds(notice=1) == {"NoticeIssued"}
    assert kinds(notice=2) == set()
    assert kinds(since=NOW) == KINDS
    assert kinds(since=NOW + timedelta(days=1)) == set()
    assert kinds(hit=hit.id, notice=1, signals=mine) == {"NoticeIssued"}
    assert kinds(hit=hit.id, signals=refused) == set()


async def test_without_subject_parts(tmp_path: Path, world: World) -> None:
    """Receipts without their subject parts prove the same acts, and hold no signal, hit, tag or word of a reason."""
    police = await busy(tmp_path, world)
    files = _written(police, tmp_path / "out", bare=True)
    found = _checked(files, world.kit.covenant)
    assert _kinds(found) == KINDS
    assert all(one.erased for one in found)
    told = b"".join(read_receipt(file.read_bytes()).proof.extra or b"" for file in files)
    ids = [str(police.acts.find_signal(name).id) for name in ("P-1", "P-2")]
    for value in (*ids, str(police.vault.hits.all()[0].id), "ANNA", "Anna", "tagDigests"):
        assert value.encode() not in told


async def test_what_the_vault_forgot_is_still_found(tmp_path: Path, world: World) -> None:
    """An entry whose subject part is erased in the vault too is found by what it was kept under."""
    police = await busy(tmp_path, world)
    signal = police.acts.find_signal("P-1").id
    database = Database(tmp_path / "p" / "vault.db", _cipher(), b"")
    with database.writing() as session:
        for row in session.exec(select(ReceiptRow)).all():
            whole = parse(Opening, database.open(row.opening, "receipt", str(row.place)))
            row.opening = database.seal(without_subject(whole).to_json(), "receipt", str(row.place))
    found = _checked(_written(police, tmp_path / "out", Wanted(signals=frozenset({signal}))), world.kit.covenant)
    assert _kinds(found) == {"SignalRegistered", "SignalWithdrawn"}
    assert all(one.erased for one in found)


async def test_a_checkpoint_and_a_step_are_kept_once(tmp_path: Path, world: World) -> None:
    """A push of many signals costs one checkpoint, and about two steps of a path a signal instead of a whole path."""
    police = make_client(tmp_path / "p", world)
    police.add(*((f"P-{n}", [("bsn", f"{n:09}")]) for n in range(60)))
    assert await police.send() is None
    database = Database(tmp_path / "p" / "vault.db", _cipher(), b"")
    with database.reading() as session:
        checkpoints, steps = (len(session.exec(select(table)).all()) for table in (CheckpointRow, SubtreeRow))
    assert checkpoints == 1
    assert steps < 60 * 2.4
    assert len(_checked(_written(police, tmp_path / "out"), world.kit.covenant)) == 60


def _cipher() -> ValueCipher:
    return ValueCipher(SecretBytes(hashlib.sha256(b"police-oost").digest()))


async def test_a_damaged_vault_writes_no_false_receipt(tmp_path: Path, world: World) -> None:
    """A step of a path that was changed on the disk is noticed before anything is handed out."""
    police = await busy(tmp_path, world)
    database = Database(tmp_path / "p" / "vault.db", _cipher(), b"")
    with database.writing() as session:
        for row in session.exec(select(SubtreeRow)).all():
            row.root = bytes(32)
    with pytest.raises(VerificationError) as caught:
        _written(police, tmp_path / "out")
    assert caught.value.code is Code.PROOF_INVALID


async def test_a_folder_that_cannot_be_written(tmp_path: Path, world: World) -> None:
    """A folder that is a file is said, as one of ours."""
    police = await busy(tmp_path, world)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SluisError) as caught:
        _written(police, tmp_path / "file")
    assert caught.value.code is Code.SETTINGS_INVALID


# --- The command ---


def _run(session: object, *arguments: object) -> Any:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_receipts(app, machine_of(session, offline=True))
    return CliRunner().invoke(app, ["receipts", "--home", "x", *map(str, arguments)])


@pytest.fixture
async def session(tmp_path: Path, world: World) -> Any:
    """Return the session of a busy police, whose home keeps the board's covenant."""
    board = signed_covenants(tmp_path / "board", world.kit.files)
    trust = CovenantTrust.begin(tmp_path / "trust", board.root, str(board.published))
    trust.refresh()
    police = await busy(tmp_path, world)
    return SimpleNamespace(vault=police.vault, covenant=world.kit.covenant, trust=trust)


async def test_the_command_for_programs(session: Any, tmp_path: Path) -> None:
    """The JSON names each file and what it is of, and the covenant beside them; no person, signal or hit."""
    result = _run(session, "--all", "--out", tmp_path / "out", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {one["event"] for one in answer["receipts"]} == KINDS
    assert answer["withoutPath"] == 0
    (covenant,) = answer["covenants"]
    assert Covenant.read((tmp_path / "out" / covenant).read_bytes()).sha256 == session.covenant.sha256
    names = {one["file"] for one in answer["receipts"]} | {covenant}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    for value in (WHO, str(session.vault.hits.all()[0].id), str(session.vault.signals.find("P-1")[0].id)):
        assert value not in result.stdout


async def test_the_command_for_people(session: Any, tmp_path: Path) -> None:
    """People read how many there are, where, how to check them, and to whom not to give them."""
    result = _run(session, "--signal", "P-1", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "4 receipts in" in result.stdout
    assert "sluis audit check" in result.stdout
    assert "who may know" in result.stdout
    bare = _run(session, "--notice", "1", "--without-subject", "--out", tmp_path / "bare")
    assert "1 receipt in" in bare.stdout
    assert "who may know" not in bare.stdout
    nothing = _run(session, "--since", "2030-01-01", "--out", tmp_path / "none")
    assert nothing.exit_code == 0
    assert "Nothing of this was proven" in nothing.stdout


async def test_wishes_that_cannot_be_met(session: Any, tmp_path: Path) -> None:
    """Without a wish, with two that contradict, or of what is not there, nothing is written."""
    wishes = {(): 65, ("--all", "--notice", "1"): 65, ("--since", "yesterday"): 65, ("--signal", "P-9"): 66}
    for arguments, status in {**wishes, ("--hit", "zzz"): 66}.items():
        assert _run(session, *arguments, "--out", tmp_path / "out").exit_code == status
    assert not (tmp_path / "out").exists()
