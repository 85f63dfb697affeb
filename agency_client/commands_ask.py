# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency ask``: is this person known elsewhere? With a purpose, a case and a reason; nothing of it is kept.

What is typed as an option stays in the shell's history, so that without options the terminal asks, and programs write
JSON on standard input. Not here: asking (``ask.py``), the machine (``cli.py`` passes it).
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from agency_client.ask import Answered, Question, question_of, require_allowed
from agency_client.ask_person import MAX_JSON, person_of, person_of_file, person_of_json
from agency_client.ask_showing import answer_json, show_answer, show_unused
from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.machine import Machine
from agency_client.push import MAPPING_SUFFIX
from agency_client.session import Session, online
from agency_client.why_looking import justification_of, require_reason
from edge.cli import reported
from protocol.errors import Code, InputError
from protocol.ids import PurposeId
from protocol.normalise import Person

STANDARD_INPUT: Final = "-"
PROMPTS: Final = {
    "given_names": "Given names",
    "surname": "Surname, with its prefix",
    "birth_date": "Birth date",
    "postcode": "Postcode",
    "house_number": "House number",
    "bsn": "BSN",
    "v_number": "V-number (aliens number)",
    "skn": "SKN (criminal justice number)",
    "phones": "Phone numbers, separated by ;",
    "emails": "E-mail addresses, separated by ;",
    "ibans": "Bank accounts, separated by ;",
    "adverts": "Advertisements, separated by ;",
    "vehicles": "Licence plates, separated by ;",
}
"""What the terminal is asked; online accounts and documents need a platform or kind: they go by JSON or option."""
_OPTION: Final = "Person"

OneValue = Annotated[str | None, typer.Option(rich_help_panel=_OPTION)]


def add_ask(app: typer.Typer, machine: Machine) -> None:
    """Add the command to the agency's commands."""

    @app.command("ask")
    @reported()
    def command(
        home: HomeOption,
        purpose: Annotated[str, typer.Option(help="Under which purpose of the covenant you ask.")],
        case: Annotated[str, typer.Option(help="Your own case's number.")],
        reason_code: Annotated[str, typer.Option(help="Why you ask, as a code, such as own-case.")],
        reason: Annotated[str, typer.Option(help="Why you ask, in words. No names: this stands in the log.")],
        file: Annotated[
            str | None, typer.Option(help="A file with one record, as for push; - is JSON on standard input.")
        ] = None,
        mapping: Annotated[Path | None, typer.Option(help="Which column is what; default as for push.")] = None,
        ask: Annotated[
            bool, typer.Option("--ask", help="Let the terminal ask about the person; the default without options.")
        ] = False,
        given_names: OneValue = None,
        surname: OneValue = None,
        birth_date: OneValue = None,
        postcode: OneValue = None,
        house_number: OneValue = None,
        country: OneValue = None,
        bsn: OneValue = None,
        v_number: OneValue = None,
        skn: OneValue = None,
        phone: Annotated[list[str] | None, typer.Option(rich_help_panel=_OPTION)] = None,
        email: Annotated[list[str] | None, typer.Option(rich_help_panel=_OPTION)] = None,
        iban: Annotated[list[str] | None, typer.Option(rich_help_panel=_OPTION)] = None,
        advert: Annotated[list[str] | None, typer.Option(rich_help_panel=_OPTION)] = None,
        vehicle: Annotated[list[str] | None, typer.Option(rich_help_panel=_OPTION)] = None,
        handle: Annotated[list[str] | None, typer.Option(help="platform:name", rich_help_panel=_OPTION)] = None,
        document: Annotated[list[str] | None, typer.Option(help="kind:number", rich_help_panel=_OPTION)] = None,
        person: Annotated[
            str | None, typer.Option(help="Who asks; default the logged-in user. Only a keyed hash of it leaves.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Ask who else knows a person, without signalling. It is logged, and who knows the person sees that you asked.

        Options about the person stay in your shell's history: leave them out to be asked, or write JSON to --file -.
        """
        why = justification_of(reason_code, reason, case)
        one = {
            "given_names": given_names,
            "surname": surname,
            "birth_date": birth_date,
            "postcode": postcode,
            "house_number": house_number,
            "country": country,
            "bsn": bsn,
            "v_number": v_number,
            "skn": skn,
        }
        many = {"phones": phone, "emails": email, "ibans": iban, "adverts": advert, "vehicles": vehicle}
        fields: dict[str, Sequence[str]] = {name: [text] for name, text in one.items() if text is not None}
        fields |= {name: texts for name, texts in many.items() if texts}
        fields |= _pairs("handles", handle) | _pairs("documents", document)
        with machine.opened(home) as session:
            # Before anybody types a person's name for nothing.
            require_reason(reason_code, session.covenant)
            require_allowed(session.me.id, PurposeId(purpose), (), session.engine, session.clock())
            whom = _whom(fields, file, mapping, ask=ask)
            question = question_of(whom, PurposeId(purpose), why, session.covenant)
            out = machine.notes() if as_json else machine.console()
            show_unused(out, question.unused)
            answered = asyncio.run(_ask(session, question, machine.person_of(person)))
            if as_json:
                print_json(answer_json(answered, session.covenant))
                return
            show_answer(out, answered, session.covenant)


async def _ask(session: Session, question: Question, person: str) -> Answered:
    async with online(session, asyncio.sleep) as doors:
        return await doors.asking.ask(question, session.person(person))


def _whom(fields: Mapping[str, Sequence[str]], file: str | None, mapping: Path | None, *, ask: bool) -> Person:
    if sum((bool(fields), file is not None, ask)) > 1:
        raise InputError(Code.MALFORMED, "Say once who the person is: by options, --file or --ask.")
    if fields:
        return person_of(fields)
    if file == STANDARD_INPUT:
        return person_of_json(sys.stdin.read(MAX_JSON + 1))
    if file is not None:
        path = Path(file)
        if not path.is_file():
            raise InputError(Code.MALFORMED, f"There is no file {path.name}.")
        return person_of_file(path, mapping, path.with_name(path.name + MAPPING_SUFFIX))
    if not ask and not sys.stdin.isatty():
        raise InputError(
            Code.MALFORMED,
            "It was not said who the person is.",
            hint="Write JSON on standard input with --file -, or give a file with one record.",
        )
    return person_of({name: _answers(name, label) for name, label in PROMPTS.items()})


def _answers(name: str, label: str) -> list[str]:
    said: str = typer.prompt(label, default="", show_default=False, err=True)
    return [said]


def _pairs(group: str, given: Sequence[str] | None) -> dict[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for text in given or ():
        first, colon, second = text.partition(":")
        if not colon:
            raise InputError(
                Code.MALFORMED, f"Say of {group} which it is, then a colon.", hint="For example telegram:name."
            )
        found.setdefault(f"{group}.{first.strip().casefold()}", []).append(second)
    return dict(found)
