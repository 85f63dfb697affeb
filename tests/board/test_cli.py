# SPDX-License-Identifier: EUPL-1.2
"""The commands of ``sluis policy``, run as a user runs them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from board.cli import app
from board.showing import DIFFERS
from protocol.covenant import Covenant, PartyStatement, dump_party
from protocol.covenant_bundle import pack
from tests.fakes.covenants import POLICIES, CovenantKit, make_covenant, policy_files

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
KIT = make_covenant(now=NOW)
CONFIG = 78


def run(*arguments: object) -> Result:
    """Run ``sluis policy`` with these arguments."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the repository's covenant folder, which has no parties."""
    path = tmp_path / "covenant"
    for name, content in policy_files().items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


@pytest.fixture
def statements(tmp_path: Path) -> list[Path]:
    """Return the files that the kit's parties would have written about themselves."""
    return write_statements(KIT, tmp_path)


def write_statements(kit: CovenantKit, path: Path) -> list[Path]:
    """Write a statement a party and return the files: five agencies, three key-holders, the broker."""
    covenant = kit.covenant
    entries = [PartyStatement(agency=agency) for agency in covenant.agencies]
    entries += [PartyStatement(key_holder=holder) for holder in reversed(covenant.key_holders)]
    entries.append(PartyStatement(broker=covenant.broker, log=covenant.log))
    files = [path / f"party-{place}.yaml" for place in range(len(entries))]
    for file, entry in zip(files, entries, strict=True):
        file.write_text(dump_party(entry))
    return files


def parsed(folder: Path) -> Covenant:
    """Read the covenant of a folder."""
    names = [path for path in folder.rglob("*") if path.is_file()]
    return Covenant.parse({path.relative_to(folder).as_posix(): path.read_bytes() for path in names})


# --- check and test ---


def test_the_repositorys_policies_pass():
    """The covenant that comes with the program passes its own check, and says which parties it lacks."""
    result = run("check", POLICIES)
    assert result.exit_code == 0, result.output
    assert "All is well." in result.output
    assert "0 of 3 key-holders" in result.output


def test_the_repositorys_cases_are_all_tried():
    """Every case file is tried, and listed as a sentence when asked."""
    result = run("test", POLICIES, "--verbose")
    assert result.exit_code == 0, result.output
    files = [path for path in policy_files() if path.startswith("cases/")]
    assert f"{len(files)} cases, all as expected." in result.output
    assert "probation is not told that there is a hit" in result.output
    assert result.output.count("as expected") == len(files) + 1


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("covenant.yaml", "epochDays", "epocDays", "covenant.yaml:9 epocDays: `epocDays` is not known here."),
        (
            "base/00-guards.cedar",
            "principal.state ==",
            "principal.stat ==",
            "base/00-guards.cedar:12: Misfits the schema",
        ),
        ("base/00-guards.cedar", '@owner("covenant-board")\n', "", "base/00-guards.cedar:3: Lacks @owner."),
        (
            "purposes/victim-protection.cedar",
            '@id("victim-protection.push")',
            '@id("victim-protection.evaluate")',
            "@id(victim-protection.evaluate) stands at purposes/victim-protection.cedar:",
        ),
        (
            "purposes/victim-protection.yaml",
            "hiddenFrom: [public-prosecution, probation",
            "hiddenFrom: [public-prosecution",
            "cases/victim-protection/DENY/probation-is-not-told-that-there-is-a-hit.yaml:1: Expected refused by "
            "guard.hidden-from-kind, but it is refused by guard.not-a-receiver.",
        ),
        (
            "purposes/offender-prevention.cedar",
            '["existence", "agency", "contact"].contains(context.level)',
            '["existence", "agency", "contact", "content"].contains(context.level)',
            "Expected refused by default-deny, but it is allowed by offender-prevention.notify.contact-in-chain",
        ),
    ],
)
@pytest.mark.parametrize("command", ["check", "test"])
def test_what_is_wrong_is_named_with_file_and_line(
    folder: Path, command: str, file: str, old: str, new: str, told: str
):
    """Each mistake in form, rule or outcome fails the command and is named with its file and line."""
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    result = run(command, folder)
    assert result.exit_code == CONFIG
    assert told in result.output


def test_a_case_that_cannot_be_read_fails(folder: Path):
    """A case in the wrong place, or without a question, is an error and not skipped."""
    (folder / "cases/victim-protection/MAYBE").mkdir()
    (folder / "cases/victim-protection/MAYBE/x-y.yaml").write_text("says: x\n")
    (folder / "cases/victim-protection/DENY/no-question.yaml").write_text("says: x\nrule: default-deny\n")
    (folder / "cases/victim-protection/DENY/not-yaml.yaml").write_text("says: [\n")
    result = run("check", folder)
    assert result.exit_code == CONFIG
    assert "MAYBE/x-y.yaml:1: A case is cases/<purpose>/ALLOW" in result.output
    assert "no-question.yaml:1: A case asks one question" in result.output
    assert "not-yaml.yaml:2: Not YAML" in result.output


def test_a_case_of_an_unknown_purpose_fails(folder: Path):
    """A case under a purpose that the covenant does not have is not decided as expected."""
    (folder / "cases/no-purpose/DENY").mkdir(parents=True)
    case = (folder / "cases/victim-protection/DENY/prosecution-makes-no-pseudonyms.yaml").read_text()
    (folder / "cases/no-purpose/DENY/a-case.yaml").write_text(case)
    result = run("check", folder)
    assert result.exit_code == CONFIG
    assert "but it is refused by unknown-entity" in result.output


def test_a_folder_that_is_not_there_is_told(tmp_path: Path):
    """A wrong folder gives one clear line and the status of a configuration error."""
    result = run("check", tmp_path / "nowhere")
    assert result.exit_code == CONFIG
    assert "not a folder" in result.output


# --- matrix and diff ---


def test_matrix_tells_who_is_told_what_on_which_law():
    """The table names receiver, sender, what is told and the law, and that the suspect side is told nothing."""
    result = run("matrix", POLICIES, "victim-protection")
    assert result.exit_code == 0, result.output
    assert "Protecting victims" in result.output
    assert "Preventing offending" not in result.output
    assert "Hidden from: Public prosecution; Probation; Youth probation" in result.output
    lines = result.output.splitlines()
    assert any(line.split()[:2] == ["Public", "prosecution"] and line.count("nothing") == 3 for line in lines)
    assert "Reporting right [unsure: the board decides]" in result.output
    assert "Never, whatever else is said" in result.output


def test_matrix_speaks_dutch():
    """The same in Dutch when asked."""
    result = run("matrix", POLICIES, "victim-protection", "--lang", "nl")
    assert "Verborgen voor: Openbaar Ministerie; Reclassering" in result.output
    assert "onzeker: het bestuur beslist" in result.output


def test_matrix_of_an_unknown_purpose_lists_those_there_are():
    """A purpose that is not there is refused with the names of those that are."""
    result = run("matrix", POLICIES, "world-peace")
    assert result.exit_code != 0
    assert "reoffending-supervision, victim-protection" in result.output


def test_matrix_writes_one_page(folder: Path, statements: list[Path], tmp_path: Path):
    """The page holds all purposes in both languages, and the parties."""
    run("add-party", folder, *statements)
    page = tmp_path / "matrix.html"
    assert run("matrix", folder, "--html", page).exit_code == 0
    text = page.read_text()
    assert "Protecting victims" in text
    assert "Slachtoffers beschermen" in text
    assert "Politie Oost" in text


def test_the_same_covenant_differs_in_nothing(folder: Path, tmp_path: Path):
    """Two folders with the same content, and a bundle of it, are the same: exit status 0."""
    bundle = tmp_path / "covenant.json"
    bundle.write_bytes(pack(policy_files()))
    for other in (folder, bundle):
        result = run("diff", POLICIES, other)
        assert result.exit_code == 0, result.output
        assert "No difference." in result.output


def test_diff_says_what_is_allowed_anew(folder: Path, tmp_path: Path):
    """A changed permit is told as a sentence in both languages, with exit status 1; the settings that changed too."""
    terms = folder / "purposes/victim-protection.yaml"
    terms.write_text(terms.read_text().replace("acts: [send, receive, query]", "acts: [send, receive]", 1))
    page = tmp_path / "diff.html"
    result = run("diff", POLICIES, folder, "--html", page)
    assert result.exit_code == DIFFERS, result.output
    assert "may no longer ask who knows a person" in result.output
    assert (
        "purpose, victim-protection, participants, police, acts: was send; receive; query, is now send; receive"
        in result.output
    )
    text = page.read_text()
    assert "mag niet meer vragen wie iemand kent" in text
    assert "may no longer ask who knows a person" in text
    dutch = run("diff", folder, POLICIES, "--lang", "nl")
    assert "mag nu vragen wie iemand kent" in dutch.output


def test_diff_of_what_is_no_covenant_is_refused(tmp_path: Path):
    """A file that is not there, or is no bundle, is refused with a hint."""
    assert run("diff", POLICIES, tmp_path / "gone.json").exit_code == CONFIG
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    result = run("diff", POLICIES, wrong)
    assert (result.exit_code, "not a covenant's bundle" in result.output) == (CONFIG, True)


# --- add-party ---


def test_parties_are_added_until_the_covenant_is_complete(folder: Path, statements: list[Path]):
    """Statements added one by one and together make a complete covenant with exactly these parties."""
    assert "not complete yet" in run("add-party", folder, statements[0]).output
    result = run("add-party", folder, *statements[1:])
    assert result.exit_code == 0, result.output
    assert "not complete" not in result.output
    covenant = parsed(folder)
    covenant.require_complete()
    assert covenant.agencies == KIT.covenant.agencies
    assert covenant.key_holders == KIT.covenant.key_holders
    assert (covenant.broker, covenant.log) == (KIT.covenant.broker, KIT.covenant.log)
    assert (folder / "parties.yaml").read_text().startswith("# Who takes part.")
    assert run("check", folder).exit_code == 0


def test_adding_again_changes_nothing(folder: Path, statements: list[Path]):
    """The same statements again are accepted and leave the file as it is, byte for byte."""
    run("add-party", folder, *statements)
    before = (folder / "parties.yaml").read_bytes()
    result = run("add-party", folder, *statements)
    assert result.exit_code == 0
    assert result.output.count("is there already") == len(statements)
    assert (folder / "parties.yaml").read_bytes() == before


@pytest.mark.parametrize("place", [0, 5, 8])
def test_another_statement_of_the_same_party_is_refused(
    folder: Path, statements: list[Path], tmp_path: Path, place: int
):
    """A statement that differs from the one that is there is refused, and nothing changes."""
    run("add-party", folder, *statements)
    before = (folder / "parties.yaml").read_bytes()
    other = tmp_path / "other.yaml"
    text = statements[place].read_text()
    other.write_text(text.replace("Politie", "Politei").replace("127.0.0.1", "127.0.0.2"))
    assert other.read_text() != text
    result = run("add-party", folder, other)
    assert result.exit_code != 0
    assert "another statement of" in result.output
    assert (folder / "parties.yaml").read_bytes() == before


@pytest.mark.parametrize(("place", "fields"), [(0, "title"), (5, "title, url"), (8, "url")])
def test_another_statement_takes_the_place_of_the_old_one_when_told(
    folder: Path, statements: list[Path], tmp_path: Path, place: int, fields: str
):
    """With --replace, naming the fields that it changes; all other parties stay as they are."""
    run("add-party", folder, *statements)
    before = parsed(folder)
    other = tmp_path / "other.yaml"
    text = statements[place].read_text()
    text = text.replace("Politie", "Politei").replace("Sleutelhouder", "Sleutel").replace("127.0.0.1", "127.0.0.2")
    other.write_text(text)
    result = run("add-party", folder, "--replace", other)
    assert result.exit_code == 0, result.output
    assert f"replaced: {fields}" in result.output
    after = parsed(folder)
    assert after.sha256 != before.sha256
    were = [(*one.agencies, *one.key_holders, one.broker) for one in (before, after)]
    assert sum(old != new for old, new in zip(*were, strict=True)) == 1


def test_a_broker_of_another_name_takes_nobodys_place(folder: Path, statements: list[Path], tmp_path: Path):
    """It is another party, with another log: not a new statement of the one that is there, whatever is said."""
    run("add-party", folder, *statements)
    before = (folder / "parties.yaml").read_bytes()
    other = tmp_path / "other.yaml"
    other.write_text(statements[8].read_text().replace("id: broker", "id: middleman"))
    result = run("add-party", folder, "--replace", other)
    assert result.exit_code != 0
    assert "another broker, broker" in result.output
    assert (folder / "parties.yaml").read_bytes() == before


def test_a_suspended_agency_stays_so_when_its_statement_is_replaced(folder: Path, statements: list[Path]):
    """Its own statement says that it is active, as every one does; that is the board's to say."""
    run("add-party", folder, *statements)
    path = folder / "parties.yaml"
    path.write_text(path.read_text().replace("state: active", "state: suspended", 1))
    assert run("add-party", folder, "--replace", *statements).exit_code == 0
    assert [one.state for one in parsed(folder).agencies].count("suspended") == 1


def test_a_party_that_does_not_fit_is_refused(folder: Path, statements: list[Path], tmp_path: Path):
    """A fourth key-holder, or an agency with another's key under its own name, is refused and nothing is written."""
    run("add-party", folder, *statements)
    before = (folder / "parties.yaml").read_bytes()
    more = make_covenant(now=NOW, agencies=1, key_holders=4).covenant
    fourth = tmp_path / "fourth.yaml"
    fourth.write_text(dump_party(PartyStatement(key_holder=more.key_holders[3])))
    result = run("add-party", folder, fourth)
    assert result.exit_code == CONFIG
    assert "this is number 4" in result.output
    thief = tmp_path / "thief.yaml"
    # A witness key names its owner, so the thief leaves it out: it may.
    lines = [line for line in statements[0].read_text().splitlines() if "witness:" not in line]
    thief.write_text("\n".join(lines).replace("police-oost", "mallory").replace("0" * 19 + "1", "9" * 20))
    result = run("add-party", folder, thief)
    assert result.exit_code == CONFIG
    assert "signing key stands here twice" in result.output
    assert (folder / "parties.yaml").read_bytes() == before


def test_a_statement_that_is_none_is_refused(folder: Path, tmp_path: Path):
    """A file that is missing, or is no statement, is refused with its name."""
    result = run("add-party", folder, tmp_path / "gone.yaml")
    assert (result.exit_code, "gone.yaml" in result.output) == (CONFIG, True)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("agency: {id: x}\n")
    result = run("add-party", folder, wrong)
    assert (result.exit_code, "wrong.yaml:1 agency" in result.output) == (CONFIG, True)


# --- format ---


def test_format_writes_cedar_as_its_formatter_does(folder: Path):
    """A file that check refuses as unformatted is written anew, and then passes; again changes nothing."""
    guards = folder / "base/00-guards.cedar"
    wanted = guards.read_text()
    guards.write_text(wanted.replace("unless { context.epochLive };", "unless {context.epochLive};"))
    assert "Not written as Cedar's formatter writes it." in run("check", folder).output
    assert "base/00-guards.cedar: written anew" in run("format", folder).output
    assert guards.read_text() == wanted
    assert "All files are as they should be." in run("format", folder).output
