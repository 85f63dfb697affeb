# SPDX-License-Identifier: EUPL-1.2
"""Before a push: who could be told what is exactly what the rules allow, is shown once a kind, and is asked."""

import json
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import cast

import pytest
import typer
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from agency_client.commands_preview import add_preview, approved, looked_at, show_look
from agency_client.intake import Intake
from agency_client.looking import Looked, look, mark_shown, not_shown
from agency_client.preview import PushKind, preview
from agency_client.preview_words import preview_json, preview_lines
from agency_client.session import Session
from agency_client.vault import Vault
from protocol.covenant import Covenant
from protocol.covenant_parts import Agency, AgencyKind
from protocol.errors import RefusedError
from protocol.ids import KeyKind, PartyId, PurposeId
from protocol.policy import LEVELS, Notify, PolicyEngine
from tests.agency_client.test_intake import MAPPING, ROWS
from tests.fakes.agency import clock
from tests.fakes.agency_vault import open_vault
from tests.fakes.covenants import make_covenant
from tests.fakes.machine import machine_of
from tests.fakes.small_world import NOW

ENGINE = PolicyEngine(make_covenant(now=NOW, agencies=7).covenant)
COVENANT = ENGINE.covenant
POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
PREVENTION, VICTIMS = PurposeId("offender-prevention"), PurposeId("victim-protection")
BSN, NAME = frozenset({KeyKind("bsn")}), frozenset({KeyKind("name-dob")})


@dataclass
class Here:
    """What of a session a preview needs."""

    vault: Vault
    engine: PolicyEngine = ENGINE
    clock = staticmethod(clock)

    @property
    def covenant(self) -> Covenant:
        """The covenant of the engine."""
        return self.engine.covenant

    @property
    def me(self) -> Agency:
        """The police."""
        return self.covenant.agency(POLICE)

    @property
    def kind(self) -> AgencyKind:
        """What the police are."""
        return "police"

    def intake(self) -> Intake:
        """Return what reads files."""
        return Intake(self.engine, self.me, {}, clock)


@pytest.fixture
def here(tmp_path: Path) -> Session:
    """Return a session of the police with an empty vault."""
    return cast("Session", Here(open_vault(tmp_path)))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Return a file of four rows, two of which can be sent."""
    path = tmp_path / "people.csv"
    path.write_text(ROWS)
    return path


@pytest.mark.parametrize("purpose", [PREVENTION, VICTIMS])
@pytest.mark.parametrize("kinds", [BSN, NAME, frozenset({KeyKind("name-year"), KeyKind("sound-address")})])
def test_a_preview_is_exactly_what_the_rules_allow(purpose: PurposeId, kinds: frozenset[KeyKind]) -> None:
    """Each agency is listed at a level for a quality if and only if the rules let it be told so much, and no more."""
    found = preview(PushKind(purpose, kinds, "normal"), POLICE, ENGINE, NOW)
    qualities = {"bsn": ("hit", "probable", "possible"), "name-dob": ("probable", "possible")}
    reachable = next((some for kind, some in qualities.items() if KeyKind(kind) in kinds), ("possible",))
    for agency in COVENANT.agencies:
        levels = next((told.levels for told in found.told if agency in told.agencies), {})
        for quality in ("hit", "probable", "possible"):
            allowed = [
                level
                for level in LEVELS
                if agency.id != POLICE
                and quality in reachable
                and ENGINE.decide(Notify(POLICE, agency.id, purpose, quality, level, NOW)).allowed  # type: ignore[arg-type]
            ]
            assert levels.get(quality) == (allowed[-1] if allowed else None), (agency.id, quality)  # type: ignore[call-overload]
        assert (agency in found.silent) == (not levels and agency.id != POLICE)


def test_who_never_is_told_and_until_when_is_said() -> None:
    """Kinds that the purpose is hidden from, the law with its doubts, the ends and the deadline are there."""
    found = preview(PushKind(VICTIMS, BSN, "urgent"), POLICE, ENGINE, NOW)
    assert "public-prosecution" in found.hidden
    assert not {told.kind for told in found.told} & set(found.hidden)
    assert found.kept_until == NOW + timedelta(days=found.purpose.retention_days)
    assert found.epoch_ends == COVENANT.epoch_end(COVENANT.epoch_at(NOW))
    assert found.deadline_hours == found.purpose.urgent_follow_up_hours
    for language, never, unsure in (("en", "Probation", "unsure"), ("nl", "Reclassering", "onzeker")):
        text = "\n".join(preview_lines(found, language))  # type: ignore[arg-type]
        assert never in text
        assert f"[{unsure}" in text
        assert COVENANT.sha256 in text
    told = preview_json(found)
    assert json.loads(json.dumps(told))["never"] == list(found.hidden)


def test_a_suspended_agency_is_shown_as_told_nothing() -> None:
    """Who is suspended in the covenant stands among those that are told nothing."""
    agencies = tuple(
        one.model_copy(update={"state": "suspended"}) if one.id == CARE else one for one in COVENANT.agencies
    )
    found = preview(
        PushKind(PREVENTION, BSN, "normal"), POLICE, PolicyEngine(replace(COVENANT, agencies=agencies)), NOW
    )
    assert CARE in {agency.id for agency in found.silent}
    assert CARE not in {agency.id for told in found.told for agency in told.agencies}


def test_keys_that_make_no_hit_reach_nobody() -> None:
    """A lone factor agrees with half the country: nobody could be told of it."""
    found = preview(PushKind(PREVENTION, frozenset({KeyKind("vehicle")}), "normal"), POLICE, ENGINE, NOW)
    assert not found.told
    assert "Nobody could be told" in "\n".join(preview_lines(found))


def test_who_does_not_send_gets_no_preview() -> None:
    """Probation hears that it does not signal for victims, and for what it does."""
    with pytest.raises(RefusedError) as caught:
        preview(PushKind(VICTIMS, BSN, "normal"), PartyId("probation-oost"), ENGINE, NOW)
    assert caught.value.rule == "guard.not-a-sender"
    assert "offender-prevention" in str(caught.value)


# --- What was shown before ---


def test_a_kind_of_push_is_new_once_a_covenant(here: Session) -> None:
    """Shown once it is known; another kind of key, urgency, purpose or covenant is new again."""
    shelf = here.vault.evidence
    first = PushKind(PREVENTION, BSN | NAME, "normal")
    assert not_shown(shelf, COVENANT, [first]) == [first]
    mark_shown(shelf, COVENANT, [first])
    assert not_shown(shelf, COVENANT, [first, PushKind(PREVENTION, BSN, "normal")]) == []
    for other in (
        PushKind(PREVENTION, BSN | {KeyKind("phone")}, "normal"),
        PushKind(PREVENTION, BSN, "urgent"),
        PushKind(VICTIMS, BSN, "normal"),
    ):
        assert not_shown(shelf, COVENANT, [other]) == [other]
    next_version = replace(COVENANT, sha256="0" * 64)
    assert not_shown(shelf, next_version, [first]) == [first]
    mark_shown(shelf, next_version, [first])
    assert not_shown(shelf, COVENANT, [first]) == [first]


def _at(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, answers: bool) -> list[str]:
    asked: list[str] = []

    def confirm(text: str, **_: object) -> bool:
        asked.append(text)
        return answers

    monkeypatch.setattr(sys.stdin, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr("typer.confirm", confirm)
    return asked


def test_a_new_kind_is_shown_and_asked_at_a_terminal(
    here: Session, people: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who says no stops the push and is asked again; who says yes is not asked for the same kind again."""
    found = looked_at(here, {people: MAPPING})
    asked = _at(monkeypatch, terminal=True, answers=False)
    assert not approved(here, found, Console(stderr=True), guessed=False, yes=False)
    assert "Could be told" in capsys.readouterr().err
    _at(monkeypatch, terminal=True, answers=True)
    assert approved(here, found, Console(stderr=True), guessed=False, yes=False)
    assert "Could be told" in capsys.readouterr().err
    asked = _at(monkeypatch, terminal=True, answers=False)
    assert approved(here, found, Console(stderr=True), guessed=False, yes=False)
    assert (asked, capsys.readouterr().err) == ([], "")


@pytest.mark.parametrize(("terminal", "yes"), [(False, False), (True, True)])
def test_without_anybody_to_ask_it_is_shown_and_goes_on(
    here: Session,
    people: Path,
    terminal: bool,
    yes: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With --yes, or where no terminal is, the preview stands on standard error and the push goes on."""
    asked = _at(monkeypatch, terminal=terminal, answers=False)
    assert approved(here, looked_at(here, {people: MAPPING}), Console(stderr=True), guessed=True, yes=yes)
    said = capsys.readouterr()
    assert (asked, said.out) == ([], "")
    assert "Could be told" in said.err


def test_a_look_shows_what_would_be_sent_and_keeps_nothing(here: Session, people: Path) -> None:
    """The rows, the pseudonyms, the preview and the informing of a file are shown; the vault stays empty."""
    written = StringIO()
    show_look(here, look(here.intake(), {people: MAPPING}, Looked()), Console(file=written, width=200))
    text = written.getvalue()
    assert "4 rows, 2 signals would be sent" in text
    assert "2 need not be informed" in text
    assert "Preventing offending" in text
    assert "Nothing was sent" in text
    assert here.vault.pending.count() == 0
    assert not any(name in text for name in ("Vries", "Berg", "123456789"))


def test_a_file_that_breaks_is_looked_at_as_far_as_it_goes(here: Session, tmp_path: Path, people: Path) -> None:
    """A second file that is none does not hide the first, nor stop the push that will say what is wrong."""
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"not a workbook")
    found = looked_at(here, {people: MAPPING, broken: MAPPING})
    assert [one.purpose for one in found.pushed] == [PREVENTION]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], ["offender-prevention", "victim-protection", "Could be told"]),
        (["--purpose", "victim-protection", "--language", "nl"], ["Slachtoffers beschermen", "spoed"]),
        (["--purpose", "offender-prevention", "--urgency", "urgent"], ["urgent", "within 24 hours"]),
    ],
)
def test_the_command_speaks_of_any_records(here: Session, arguments: list[str], told: list[str]) -> None:
    """Without a file it tells of each purpose that the agency signals for, or of the one that is asked."""
    done = _run(here, *arguments)
    assert done.exit_code == 0
    assert all(one in done.output for one in told)


def test_the_command_speaks_of_a_file_for_programs(here: Session, people: Path) -> None:
    """With --json it prints one document with the file's rows and a preview a kind of push."""
    people.with_name("people.csv.mapping.yaml").write_text(MAPPING.to_yaml())
    done = _run(here, str(people), "--json")
    found = json.loads(done.stdout)
    assert [file["signals"] for file in found["files"]] == [2]
    assert [one["purpose"] for one in found["previews"]] == [PREVENTION]


@pytest.mark.parametrize("wrong", [["--language", "fr"], ["--urgency", "soon"], ["--purpose", "nothing"]])
def test_a_wrong_option_ends_with_its_status(here: Session, wrong: list[str]) -> None:
    """An unknown language, urgency or purpose is one line and the status of its code."""
    assert _run(here, *wrong).exit_code in (65, 66)


def _run(here: Session, *arguments: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_preview(app, machine_of(here))
    return CliRunner().invoke(app, ["preview", "--home", ".", *arguments])
