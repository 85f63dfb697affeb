# SPDX-License-Identifier: EUPL-1.2
"""Whom a question is about: by options, JSON, a file or the terminal; and nothing of it in an error."""

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from agency_client import commands_ask
from agency_client.ask import Answered, Question
from agency_client.ask_person import person_of, person_of_file, person_of_json
from protocol.errors import Code, ConfigurationError, InputError
from protocol.normalise import Person
from tests.fakes.covenants import make_covenant
from tests.fakes.machine import machine_of
from tests.fakes.people_files import write_people
from tests.fakes.small_world import NOW, agreed_of

ANNA = Person(
    given_names="Anna", surname="de Vries", phones=("0612345678", "0687654321"), handles=(("telegram", "anna1"),)
)


def test_options_and_json_say_the_same() -> None:
    """Fields as options give them, and a JSON object with texts or lists, are the same person."""
    fields = {
        "given_names": ["Anna"],
        "surname_prefix": ["de"],
        "surname": ["Vries"],
        "phones": ["0612345678", "0687654321"],
        "handles.telegram": ["anna1"],
    }
    assert person_of(fields) == ANNA
    raw = '{"given_names": "Anna", "surname": "de Vries", "phones": ["0612345678", "0687654321"]'
    assert person_of_json(raw + ', "handles.telegram": "anna1"}') == ANNA


@pytest.mark.parametrize(
    "raw",
    [
        *("", "[]", "{", "3", "{}", '{"phones": [1]}', '{"surname": null}', '{"surname": " "}'),
        *('{"secret-name": "Vries"}', '{"contact.phone": "Vries"}', '{"associate1.surname": "Vries"}'),
        '{"purpose": "Vries"}',
    ],
)
def test_what_is_no_person_is_refused_without_its_values(raw: str) -> None:
    """Other JSON, unknown fields, fields of a signal and an empty person are refused, and no value is repeated."""
    with pytest.raises(InputError) as error:
        person_of_json(raw)
    assert "Vries" not in repr([error.value.detail, error.value.hint, error.value.issues])


def test_a_file_has_one_record(tmp_path: Path) -> None:
    """A file with one record gives its person by the usual guess; of several, each needs a question of its own."""
    row = ["K-1", "Anna", "Vries", "2001-01-31", "", "", "0612345678"]
    one = write_people(tmp_path / "one.csv", [row])
    none = tmp_path / "none.yaml"
    found = person_of_file(one, None, none)
    assert (found.given_names, found.surname, found.phones) == ("Anna", "Vries", ("0612345678",))
    mapped = tmp_path / "one.yaml"
    mapped.write_text("columns: {achternaam: surname, kenmerk: reference}\nconstants: {grounds: whatever}\n")
    assert person_of_file(one, mapped, none) == person_of_file(one, None, mapped) == Person(surname="Vries")
    for rows in ([], [row, row]):
        with pytest.raises(InputError) as error:
            person_of_file(write_people(tmp_path / "two.csv", rows), mapped, none)
        assert error.value.code is Code.MALFORMED
    with pytest.raises(ConfigurationError):
        person_of_file(one, tmp_path / "absent.yaml", none)


# --- The command ------------------------------------------------------------------------------------------------------


class _Session:
    """As much of a session as the command touches before it asks."""

    def __init__(self, agency: str) -> None:
        self.agreed = agreed_of(make_covenant(now=NOW).covenant)
        self.covenant = self.agreed.covenant
        self.engine = self.agreed.engine
        self.me = next(one for one in self.covenant.agencies if one.id == agency)

    @staticmethod
    def clock() -> Any:
        return NOW


class _Asked:
    """Runs the command, and keeps the question that it would have asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, agency: str = "police-oost") -> None:
        self.question: Question | None = None
        self.app = typer.Typer()

        async def ask(session: Any, question: Question, person: str) -> Answered:
            self.question = question
            return Answered(question, NOW, 7, (), {})

        monkeypatch.setattr(commands_ask, "_ask", ask)
        commands_ask.add_ask(self.app, machine_of(_Session(agency)))

        @self.app.command()
        def other() -> None:
            """Make the first a subcommand."""

    def run(self, *arguments: str, text: str | None = None) -> Any:
        """Run ``ask``."""
        why = ["--purpose", "offender-prevention", "--case", "Z-1", "--reason-code", "own-case", "--reason", "Zorgen"]
        return CliRunner().invoke(self.app, ["ask", "--home", "x", *why, *arguments], input=text)


def test_the_command_takes_json_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs write one JSON object, so that nothing stands in a process list or a history."""
    asked = _Asked(monkeypatch)
    done = asked.run("--file", "-", "--json", text='{"phones": ["0612345678"]}')
    assert done.exit_code == 0, done.output
    assert asked.question is not None
    assert [key.kind for key in asked.question.keys] == ["phone"]
    assert asked.question.why.case_reference == "Z-1"
    assert '"matches": []' in done.stdout


def test_the_command_prompts_for_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --ask each field is asked for, and an empty line leaves it out."""
    asked = _Asked(monkeypatch)
    done = asked.run("--ask", text="Anna\nde Vries\n2001-01-31\n" + "\n" * 20)
    assert done.exit_code == 0, done.output
    assert asked.question is not None
    assert "name-dob" in {key.kind for key in asked.question.keys}


def test_the_command_takes_options_and_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options make keys; a value that cannot be used is named by its place, and never repeated."""
    asked = _Asked(monkeypatch)
    done = asked.run("--phone", "0612345678", "--phone", "12", "--handle", "Telegram:anna1", "--bsn", "111111111")
    assert done.exit_code == 0, done.output
    assert asked.question is not None
    assert {key.kind for key in asked.question.keys} == {"phone", "handle"}
    assert "Not asked, subject.bsn" in done.output
    assert "111111111" not in done.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [((), ""), (("--phone", "0612345678", "--ask"), ""), (("--handle", "anna1"), ""), (("--file", "absent.csv"), "")],
)
def test_the_command_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], text: str
) -> None:
    """Nobody, somebody twice, an account without platform, or a file that is not there: status 65, nothing asked."""
    asked = _Asked(monkeypatch)
    assert asked.run(*arguments, text=text).exit_code == 65
    assert asked.question is None


def test_who_may_not_ask_is_told_before_typing_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal comes before the first prompt, with status 77."""
    asked = _Asked(monkeypatch, "care-linde")
    done = asked.run("--ask", text="Anna\n")
    assert done.exit_code == 77
    assert "Given names" not in done.output
