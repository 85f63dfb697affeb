# SPDX-License-Identifier: EUPL-1.2
"""The commands about own systems: mappings guessed, connectors tried, rows repaired, tokens made and ended."""

import json
import sqlite3
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from agency_client.commands_connectors import add_connectors
from agency_client.commands_mapping import add_mapping
from agency_client.commands_quarantine import add_quarantine
from agency_client.commands_systems import add_systems
from agency_client.connectors.entrance import Entrance, Origin
from agency_client.mapping import Mapping
from agency_client.states import SignalState
from tests.agency_client.connectors.test_sql import SQLITE
from tests.fakes.agency_session import HEADER, MAPPING, Agency
from tests.fakes.machine import machine_of

ROWS = "Z-1,Anna,Berg,2001-01-31,,\nZ-2,,,2001-13-31,,\nZ-3,Bo,Berg,2001-01-31,123456789,\n"


class Commands:
    """The commands, on one home."""

    def __init__(self, agency: Agency) -> None:
        self.agency = agency
        self.app = typer.Typer()
        for add in (add_connectors, add_mapping, add_quarantine, add_systems):
            add(self.app, machine_of(agency.session))

    def run(self, *arguments: str) -> Result:
        """Run one command."""
        words = [*arguments]
        words[2 if words[0] != "mapping" else 1 : 0] = ["--home", str(self.agency.session.home.folder)]
        return CliRunner().invoke(self.app, words)


@pytest.fixture
def commands(agency: Agency) -> Commands:
    """Return the commands."""
    return Commands(agency)


def test_a_sample_is_understood_and_written_down(commands: Commands, tmp_path: Path) -> None:
    """The table says what each column is taken for and how sure that is, without any value; then it is written."""
    sample = tmp_path / "sample.csv"
    sample.write_text("dossiernummer,voornaam,achternaam,gebdat,nr,opm\n" + "".join(
        f"Z-{number},Anna,Berg,2001-01-3{number},{bsn},geheim\n"
        for number, bsn in enumerate(("123456782", "111222333", "123456782"))
    ))  # fmt: skip
    chosen = ("--purpose", "offender-prevention", "--grounds", "early-offences", "--basis", "legal-duty")
    shown = commands.run("mapping", "--guess", str(sample), *chosen, "--write")
    assert shown.exit_code == 0, shown.output
    assert "likely: its values" in shown.output
    assert "not used, never sent" in shown.output
    assert "geheim" not in shown.output
    assert "Of the first 3 rows" in shown.output
    written = Mapping.from_yaml((tmp_path / "sample.csv.mapping.yaml").read_text())
    assert ("nr", "bsn") in written.columns
    assert commands.run("mapping", "--guess", str(sample), "--write").exit_code == 65
    assert "geheim" in commands.run("mapping", "--guess", str(sample), "--show-values").output
    found = json.loads(commands.run("mapping", "--guess", str(sample), *chosen, "--json").stdout)
    assert (found["rows"], found["missing"]) == (3, [])


def test_connectors_are_checked_tried_and_listed(commands: Commands, tmp_path: Path) -> None:
    """A wrong file is named with what is wrong; a look without effect counts; the list says how each is doing."""
    agency, folder = commands.agency, tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text(HEADER + ROWS)
    (agency.connectors / "zaken.yaml").write_text(f"kind: folder\nfolder: {folder}\n")
    (agency.connectors / "zaken.mapping.yaml").write_text(MAPPING)
    (agency.connectors / "wrong.yaml").write_text("kind: folder\nfolder: x\npasword: y\n")
    checked = commands.run("connectors", "check")
    assert checked.exit_code == 78
    assert "zaken: right" in checked.output
    assert "pasword" in checked.output
    tried = json.loads(commands.run("connectors", "try", "zaken", "--json").stdout)
    assert (tried["rows"], tried["used"], tried["partly"], tried["refused"]) == (3, 2, 1, 1)
    assert (folder / "a.csv").exists()
    assert agency.session.vault.signals.find("Z-1") == []
    listed = json.loads(commands.run("connectors", "list", "--json").stdout)["connectors"]
    assert [(one["name"], bool(one["problem"])) for one in listed] == [("wrong", True), ("zaken", False)]
    assert commands.run("connectors", "try", "none").exit_code == 66


def test_a_query_is_tried_and_rewound(commands: Commands, tmp_path: Path) -> None:
    """Trying a query keeps nothing, also not how far it came."""
    path = tmp_path / "zaken.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE zaak (id, given, name, born, gone, n INTEGER)")
        connection.execute("INSERT INTO zaak VALUES ('Z-1', 'Anna', 'Berg', '2001-01-31', NULL, 1)")
    connection.close()
    (commands.agency.connectors / "zaken.yaml").write_text(SQLITE.format(url=path))
    (commands.agency.connectors / "zaken.mapping.yaml").write_text(MAPPING)
    for _ in range(2):
        assert "1 can be sent" in commands.run("connectors", "try", "zaken").output
    assert commands.run("connectors", "rewind", "zaken").exit_code == 0


def test_a_row_is_repaired_in_place(commands: Commands) -> None:
    """A row that still is wrong stays with its new values; once right it is a signal; a dismissed one is gone."""
    agency = commands.agency
    folder = agency.connectors.parent / "in"
    (agency.connectors / "zaken.yaml").write_text(f"kind: folder\nfolder: {folder}\n")
    (agency.connectors / "zaken.mapping.yaml").write_text(MAPPING)
    from agency_client.source_rows import Row

    rows = [
        Row(number, dict(zip(HEADER.strip().split(","), line.split(","), strict=True)))
        for number, line in enumerate(ROWS.splitlines(), start=2)
    ]
    Entrance(agency.session).admit(rows, Mapping.from_yaml(MAPPING), Origin("zaken", "a.csv", one_purpose=False))
    listed = json.loads(commands.run("quarantine", "list", "--json").stdout)["rows"]
    assert [(one["row"], one["partly"]) for one in listed] == [(4, True), (3, False)]
    partly, whole = (str(one["number"]) for one in listed)
    assert "2001-13-31" in commands.run("quarantine", "show", whole).output
    again = commands.run("quarantine", "repair", whole, "born=2001-12-31", "bsn=1")
    assert again.exit_code == 65
    assert commands.run("quarantine", "repair", whole, "none=1").exit_code == 65
    done = commands.run("quarantine", "repair", whole, "given=Chris", "name=Berg", "bsn=")
    assert done.exit_code == 0, done.output
    assert [kept.state for kept in agency.session.vault.signals.find("Z-2")] == [SignalState.NEW]
    assert commands.run("quarantine", "dismiss", partly).exit_code == 0
    assert commands.run("quarantine", "dismiss", partly).exit_code == 65
    # The file comes again as it was: neither the repair nor the dismissal is undone.
    Entrance(agency.session).admit(rows, Mapping.from_yaml(MAPPING), Origin("zaken", "a.csv", one_purpose=False))
    assert json.loads(commands.run("quarantine", "list", "--json").stdout)["rows"] == []
    assert len(agency.session.vault.signals.find("Z-2")) == 1


def test_a_token_is_shown_once_and_ends_at_once(commands: Commands) -> None:
    """Making one prints it alone on standard output; the list never shows it; revoked it is worth nothing."""
    made = commands.run("systems", "add", "zaken", "--may", "records", "--may", "hits")
    assert made.exit_code == 0, made.output
    token = made.stdout.strip()
    assert token.startswith("sluis_zaken.")
    systems = commands.agency.session.vault.systems
    assert systems.require(token, commands.agency.hands()).name == "zaken"
    listed = commands.run("systems", "list", "--json").stdout
    assert token not in listed
    assert json.loads(listed)["systems"][0]["may"] == ["hits", "records"]
    assert commands.run("systems", "add", "zaken").exit_code == 65
    assert commands.run("systems", "add", "No Good").exit_code == 65
    assert commands.run("systems", "revoke", "zaken").exit_code == 0
    assert "revoked" in commands.run("systems", "list").output
    assert commands.run("systems", "revoke", "nobody").exit_code == 66
    assert commands.run("systems", "add", "zaken").stdout.strip() != token
