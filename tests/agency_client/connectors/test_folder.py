# SPDX-License-Identifier: EUPL-1.2
"""Files in a folder are taken once, whole, whatever happens in between and whatever is in them."""

import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agency_client.connectors.descriptions import Described, FolderDescription, read_description
from agency_client.connectors.folder import FolderLook
from agency_client.connectors.folder_files import PickUp
from agency_client.connectors.looks import Looked
from agency_client.states import SignalState
from protocol.errors import UnavailableError
from tests.fakes.agency_session import HEADER, MAPPING, Agency, agency_of, signed
from tests.fakes.small_world import NOW, make_world

GOOD = "Z-1,Anna,Berg,2001-01-31,,\n"
BAD = "Z-2,,,2001-13-31,,\n"


def described(agency: Agency, extra: str = "") -> Described:
    """Return a connector of a folder beside the home."""
    folder = agency.session.home.folder.parent / "export"
    folder.mkdir(exist_ok=True)
    path = agency.connectors / "zaken.yaml"
    path.write_text(f"kind: folder\nfolder: {folder}\n{extra}")
    (agency.connectors / "zaken.mapping.yaml").write_text(MAPPING)
    return read_description(path)


def look_of(agency: Agency, extra: str = "") -> FolderLook:
    """Return the look of that connector."""
    found = described(agency, extra)
    assert isinstance(found.says, FolderDescription)
    return FolderLook.of(found, found.says, agency.session.home.folder)


def looked(look: FolderLook, agency: Agency, times: int = 2) -> Looked:
    """Look so often."""
    done = Looked()
    for _ in range(times):
        look.look(agency.session, lambda: False, done)
    return done


def result_of(path: Path) -> dict[str, object]:
    """Return the result beside a file."""
    found: dict[str, object] = json.loads(path.with_name(f"{path.name}.result.json").read_text())
    return found


def test_a_file_is_taken_and_its_result_stands_beside_it(agency: Agency) -> None:
    """Good rows become signals, bad ones wait in quarantine, and the result says which and why, without any value."""
    look = look_of(agency)
    (look.files.folder / "a.csv").write_text(HEADER + GOOD + BAD)
    done = looked(look, agency)
    assert (done.admitted.new, done.admitted.quarantined, done.problems) == (1, 1, [])
    taken = look.files.folder / "done" / "a.csv"
    assert taken.exists()
    result = result_of(taken)
    assert (result["rows"], result["new"], result["quarantined"]) == (2, 1, 1)
    text = json.dumps(result)
    assert "invalid_identifier" in text
    assert not any(value in text for value in ("Anna", "Berg", "Z-1", "Z-2", "2001"))
    assert not (look.files.folder / "a.csv").exists()


def test_every_format_is_taken(agency: Agency) -> None:
    """CSV with semicolons, JSON Lines and XLSX all go the same way."""
    import openpyxl

    look = look_of(agency)
    folder = look.files.folder
    (folder / "a.csv").write_bytes((HEADER + GOOD.replace("Anna", "Zoë")).replace(",", ";").encode("cp1252"))
    (folder / "b.jsonl").write_text('{"id": "J-1", "given": "Bo", "name": "Berg", "born": "2001-01-31"}\n')
    book = openpyxl.Workbook()
    book.worksheets[0].append(HEADER.strip().split(","))
    book.worksheets[0].append(["X-1", "Chris", "Berg", "2001-01-31", "", ""])
    book.save(folder / "c.xlsx")
    assert looked(look, agency).admitted.new == 3


def test_a_file_that_still_grows_waits(agency: Agency) -> None:
    """A file is taken when it is the same at two looks; temporary names, hidden files and links never are."""
    look = look_of(agency)
    folder = look.files.folder
    for name in ("b.csv.part", "c.tmp", ".d.csv", "~$e.xlsx"):
        (folder / name).write_text(HEADER + GOOD)
    outside = folder.parent / "outside.csv"
    outside.write_text(HEADER + GOOD)
    (folder / "link.csv").symlink_to(outside)
    path = folder / "a.csv"
    path.write_text(HEADER)
    assert looked(look, agency, 1).admitted.rows == 0
    path.write_text(HEADER + GOOD)
    assert looked(look, agency, 1).admitted.rows == 0
    assert looked(look, agency, 1).admitted.new == 1
    left = {path.name for path in folder.iterdir() if not path.is_dir()}
    assert left == {"b.csv.part", "c.tmp", ".d.csv", "~$e.xlsx", "link.csv"}


def test_a_slow_writer_loses_nothing(agency: Agency) -> None:
    """What is written to a file after it was taken is read too: the writer's open file followed it."""
    look = look_of(agency)
    with (look.files.folder / "a.csv").open("w") as writer:
        writer.write(HEADER + GOOD)
        writer.flush()
        assert looked(look, agency).admitted.new == 1
        writer.write("Z-3,Chris,Berg,2001-01-31,,\n")
    assert looked(look, agency, 3).admitted.new == 1


def test_rows_that_say_that_a_record_is_gone_withdraw_it(agency: Agency) -> None:
    """With a deletion column any value but empty, no and 0 withdraws the record."""
    look = look_of(agency, "deletedColumn: vervallen\n")
    folder, head = look.files.folder, HEADER.strip() + ",vervallen\n"
    (folder / "a.csv").write_text(head + GOOD.strip() + ",nee\n" + GOOD.strip().replace("Z-1", "Z-2") + ",\n")
    assert looked(look, agency).admitted.new == 2
    (folder / "b.csv").write_text(head + GOOD.strip() + ",2026-11-20\n,,,,,,ja\n")
    done = looked(look, agency)
    assert (done.admitted.withdrawn, done.admitted.quarantined) == (1, 1)
    assert agency.session.vault.signals.find("Z-1")[0].state is SignalState.WITHDRAWN
    assert agency.session.vault.signals.find("Z-2")[0].state is SignalState.NEW


def test_a_file_that_cannot_be_read_is_put_aside_with_the_reason(agency: Agency) -> None:
    """A file without the mapping's columns, or that is no workbook, goes to ``refused``; the others go on."""
    look = look_of(agency)
    folder = look.files.folder
    (folder / "a.csv").write_text("x,y\n1,2\n")
    (folder / "b.xlsx").write_text("no workbook")
    (folder / "c.csv").write_text(HEADER + GOOD)
    done = looked(look, agency)
    assert (done.admitted.new, len(done.problems)) == (1, 2)
    refused = result_of(folder / "refused" / "a.csv")["refused"]
    assert isinstance(refused, dict)
    assert refused["code"] == "unknown_column"
    assert (folder / "refused" / "b.xlsx").exists()


def test_files_of_one_name_do_not_overwrite_each_other(agency: Agency) -> None:
    """Every day's export.csv is kept beside the earlier ones until its time is over."""
    look = look_of(agency, "keepDays: 2\n")
    for number in (1, 2):
        (look.files.folder / "export.csv").write_text(HEADER + GOOD.replace("Z-1", f"Z-{number}"))
        looked(look, agency)
    done = look.files.folder / "done"
    assert {path.name for path in done.glob("*.csv")} == {"export.csv", "export.2.csv"}
    import os

    for path in done.iterdir():
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    agency.hands.move(timedelta(days=3))
    looked(look_of(agency, "keepDays: 2\n"), agency)
    assert not list(done.glob("*.csv"))


def test_a_folder_that_is_away_is_said_and_nothing_is_lost(agency: Agency) -> None:
    """Without its share the connector says so; afterwards it goes on."""
    look = look_of(agency)
    folder = look.files.folder
    (folder / "a.csv").write_text(HEADER + GOOD)
    away = folder.rename(folder.with_name("away"))
    with pytest.raises(UnavailableError, match="not there"):
        looked(look, agency)
    away.rename(folder)
    assert looked(look, agency).admitted.new == 1


class Crash(BaseException):
    """The power goes off."""


class Dying(PickUp):
    """A pick-up that dies before or after its n-th change of the folder."""

    def __init__(self, folder: Path, dies_at: int) -> None:
        super().__init__(folder)
        self.left = dies_at

    def _step(self, act: Callable[[], object]) -> object:
        self.left -= 1
        if self.left == 0:
            raise Crash
        found = act()
        self.left -= 1
        if self.left == 0:
            raise Crash
        return found

    def claim(self, path: Path) -> Path | None:
        """Claim, or die around it."""
        found = self._step(lambda: super(Dying, self).claim(path))
        assert found is None or isinstance(found, Path)
        return found

    def _write(self, path: Path, content: bytes) -> None:
        self._step(lambda: super(Dying, self)._write(path, content))

    def finish(self, path: Path, shelf: str, result: bytes) -> Path:
        """Finish, or die around it."""
        found = self._step(lambda: super(Dying, self).finish(path, shelf, result))
        assert isinstance(found, Path)
        return found


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dies_at=st.integers(1, 14), rows=st.integers(1, 6))
def test_a_crash_at_any_step_neither_loses_nor_doubles(
    tmp_path_factory: pytest.TempPathFactory, dies_at: int, rows: int
) -> None:
    """Killed before or after any change of folder or vault, the next run takes every record exactly once."""
    agency = agency_of(tmp_path_factory.mktemp("crash") / "home", make_world(signed()))
    look = look_of(agency)
    folder = look.files.folder
    for name in ("a", "b"):
        lines = "".join(GOOD.replace("Z-1", f"{name}-{number}") for number in range(rows))
        (folder / f"{name}.csv").write_text(HEADER + lines + BAD.replace("Z-2", f"bad-{name}"))
    look.files = Dying(folder, dies_at)
    try:
        looked(look, agency)
    except Crash:
        looked(look_of(agency), agency)
    vault = agency.session.vault
    references = [f"{name}-{number}" for name in ("a", "b") for number in range(rows)]
    assert all(len(vault.signals.find(reference)) == 1 for reference in references)
    assert vault.quarantine.counts() == {"zaken": 2}
    assert {path.name for path in (folder / "done").glob("*.csv")} == {"a.csv", "b.csv"}
    assert not list((folder / "taking").iterdir())
    vault.close()


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
        with packed.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(40):
                sheet.write(b" " * 2**20)


def _long_line(path: Path) -> None:
    with path.open("wb") as file:
        file.write(HEADER.encode() + b"Z-9,")
        for _ in range(16):
            file.write(b"x" * 2**20)
        file.write(b"\n" + GOOD.encode())


@pytest.mark.parametrize(
    ("name", "write", "new"),
    [
        ("bomb.xlsx", _bomb, 0),
        ("long.csv", _long_line, 1),
        ("nul.csv", lambda path: path.write_bytes(HEADER.encode() + b"Z\0,a,b,c,,\n" + GOOD.encode()), 1),
        ("wide.csv", lambda path: path.write_bytes(HEADER.encode("utf-16")), 0),
        ("odd.csv", lambda path: path.write_bytes(HEADER.encode() + b"\x81\x8d,\xff,b,c,,\n" + GOOD.encode()), 1),
        ("empty.csv", lambda path: path.write_bytes(b""), 0),
        ("deep.jsonl", lambda path: path.write_text('{"id": ' + "[" * 200_000 + "\n"), 0),
        ("nan.jsonl", lambda path: path.write_text('{"id": NaN, "born": 1e999, "name": -Infinity}\n'), 0),
        ("names.jsonl", lambda path: path.write_text(json.dumps({f"c{n}": "x" for n in range(5_000)}) + "\n"), 0),
        ("formula.csv", lambda path: path.write_text(HEADER + "=cmd|'/c calc'!A0,Anna,Berg,2001-01-31,,\n"), 1),
        ("mac.csv", lambda path: path.write_bytes(HEADER.strip().encode() + b"\r" + GOOD.encode()), 0),
        ("quote.csv", lambda path: path.write_text(HEADER + '"Z-1,Anna\n' * 50), 0),
    ],
)
def test_hostile_files_harm_nobody(agency: Agency, name: str, write: Callable[[Path], object], new: int) -> None:
    """A bomb, an endless line, NULs, other encodings, deep nesting: refused or quarantined, and the others go on."""
    look = look_of(agency)
    write(look.files.folder / name)
    (look.files.folder / "zz.csv").write_text(HEADER + GOOD.replace("Z-1", "Z-good"))
    done = looked(look, agency)
    assert done.admitted.new == new + 1
    assert not (look.files.folder / name).exists()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(content=b"\r0", suffix=".csv", headed=False)
@given(content=st.binary(max_size=400), suffix=st.sampled_from([".csv", ".jsonl", ".xlsx"]), headed=st.booleans())
def test_no_bytes_stop_the_connector(agency: Agency, content: bytes, suffix: str, headed: bool) -> None:
    """Whatever a file holds, it is dealt with: done or refused, never left and never an error of ours."""
    look = look_of(agency)
    path = look.files.folder / f"file{suffix}"
    path.write_bytes((HEADER.encode() if headed else b"") + content)
    looked(look, agency)
    assert not path.exists()
