# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency subject-report`` and the register of citizens' requests: ``subject-requests``, ``subject-close``.

For a privacy officer. Identifiers come from a file, standard input or the terminal: what is typed as an option stays in
the shell's history. Not here: collecting (``subject_search.py``), the answer (``subject_report.py``), the machine.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Final, cast

import typer

from agency_client.ask_person import MAX_JSON, person_of, person_of_file
from agency_client.command_line import HomeOption, JsonOption, PersonOption, print_json
from agency_client.commands_ask import PROMPTS, STANDARD_INPUT
from agency_client.machine import Machine
from agency_client.mapping_person import fields_of_yaml
from agency_client.push import MAPPING_SUFFIX
from agency_client.receipts import write_covenants
from agency_client.session import Session, online
from agency_client.subject_files import RECEIPTS, write_receipts, write_report
from agency_client.subject_law import GROUNDS
from agency_client.subject_person import Sought, sought_of
from agency_client.subject_report import SubjectReport, build, redact
from agency_client.subject_search import Collected, scope_of
from agency_client.subject_showing import clock_of, collected_json, request_json, show_report, show_requests
from agency_client.vault.subject_requests import CitizenRequest, RequestStep
from agency_client.why_looking import justification_of
from edge.cli import reported
from edge.languages import LANGS, Lang
from protocol.encoding import lp
from protocol.errors import Code, InputError
from protocol.ids import HitId, PurposeId
from protocol.messages import Justification
from protocol.normalise import Person

_OBJECTS: Final = (".yaml", ".yml", ".json")
"""Files with one person's fields; any other file has records, of which there must be one."""
CaseArgument = Annotated[str, typer.Argument(help="The request's case.")]


def add_subject(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""

    @app.command("subject-report")
    @reported()
    def report(
        home: HomeOption,
        case: Annotated[str, typer.Option(help="The request's own case number. It stands in the log: no names.")],
        reason: Annotated[str, typer.Option(help="Why you look, in words. It stands in the log: no names.")],
        received: Annotated[str, typer.Option(help="The day on which the request came, such as 2026-11-20.")],
        out: Annotated[Path, typer.Option(help="Folder to write to; made when it is not there.", file_okay=False)],
        identifiers: Annotated[
            str | None,
            typer.Option(
                help="A YAML or JSON file with the person's fields, or a file with one record; - is YAML or "
                "JSON on standard input. Without it the terminal asks."
            ),
        ] = None,
        field: Annotated[
            list[str] | None,
            typer.Option(help="name=value, again for each. It stays in your shell's history: better a file."),
        ] = None,
        mapping: Annotated[Path | None, typer.Option(help="Of a file with a record: which column is what.")] = None,
        reason_code: Annotated[str, typer.Option(help="Why you look, as a code.")] = "access-request",
        lang: Annotated[str, typer.Option(help="nl, en or both.")] = "both",
        form: Annotated[str, typer.Option(help="full (your file), redacted (for the person) or both.")] = "both",
        refuse: Annotated[
            list[str] | None,
            typer.Option(help=f"PURPOSE=GROUND, again for each: say nothing of it. Grounds: {', '.join(GROUNDS)}."),
        ] = None,
        refuse_reason: Annotated[
            str | None, typer.Option(help="Why, in words: kept in the register here, sealed; not in the answer.")
        ] = None,
        person: PersonOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Collect what the log has about a citizen who asks for access, and write the answer.

        Made again for the same case it is the same request, and another entry in the log: every look is logged.
        """
        langs = cast("list[Lang]", _chosen(lang, LANGS, "lang"))
        forms = _chosen(form, ("full", "redacted"), "form")
        why = justification_of(reason_code, reason, case)
        came = _day(received)
        with machine.opened(home) as session:
            refused = _refusals(refuse, refuse_reason, session)
            if came > session.clock().date():
                raise InputError(Code.MALFORMED, "The request was received on a day that has not come.")
            # Before anybody types a person's name for nothing.
            scope_of(session.me.id, session.engine, session.clock())
            sought = sought_of(_whom(identifiers, field, mapping))
            register = session.vault.subject_requests
            register.receive(case, came, _about(sought), session.clock())
            collected, full = asyncio.run(
                _report(session, sought, why, machine.person_of(person), register.find(case), refused)
            )
            made: dict[str, SubjectReport] = {"full": full, "redacted": redact(full)}
            written = [path for one in forms for path in write_report(made[one], session.covenant, langs, out)]
            if "full" in forms:
                written += write_receipts(collected.checked, out)
                write_covenants(session.trust, collected.versions, out / RECEIPTS)
            said = {"refused": {str(purpose): ground for purpose, ground in refused.items()}, "reason": refuse_reason}
            register.put(case, RequestStep.REPORTED, said, session.clock())
            if as_json:
                found = collected_json(full, collected)
                print_json({**found, "files": [str(one) for one in written]})
                return
            show_report(machine.console(), full, collected, out, len(written))

    @app.command("subject-requests")
    @reported()
    def requests(
        home: HomeOption,
        every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """List citizens' requests, the most pressing first, with the days that are left."""
        with machine.offline(home) as session:
            today = session.clock().date()
            found = [one for one in session.vault.subject_requests.all() if every or one.is_open]
            found.sort(key=lambda one: (not one.is_open, clock_of(one, today).answer_before, one.case))
            if as_json:
                print_json({"requests": [request_json(one, today) for one in found]})
                return
            show_requests(machine.console(), found, today)

    @app.command("subject-close")
    @reported()
    def close(
        home: HomeOption,
        case: CaseArgument,
        answered: Annotated[bool, typer.Option("--answered", help="The answer was given.")] = False,
        refused: Annotated[
            str | None, typer.Option(help=f"The whole request was refused, on this ground: {', '.join(GROUNDS)}.")
        ] = None,
        until: Annotated[
            str | None, typer.Option(help="It stays open until this later day, which the person was told.")
        ] = None,
        reason: Annotated[
            str | None, typer.Option(help="Why it was refused or takes longer; kept here, sealed.")
        ] = None,
    ) -> None:
        """Enter that a request was answered, refused or extended. Nothing that was entered is ever changed."""
        if sum((answered, refused is not None, until is not None)) != 1:
            raise InputError(Code.MALFORMED, "Say one thing: --answered, --refused GROUND or --until DAY.")
        if not answered and not reason:
            raise InputError(Code.MALFORMED, "A refusal and an extension have a --reason, which is kept.")
        with machine.offline(home) as session:
            register = session.vault.subject_requests
            if answered:
                register.put(case, RequestStep.ANSWERED, {}, session.clock())
            elif refused is not None:
                register.put(case, RequestStep.REFUSED, {"ground": _ground(refused), "reason": reason}, session.clock())
            elif until is not None:
                day = _day(until)
                if day <= register.find(case).received:
                    raise InputError(Code.MALFORMED, "That day is not after the request.")
                register.put(case, RequestStep.EXTENDED, {"until": day.isoformat(), "reason": reason}, session.clock())
            machine.console().print("Entered.")


async def _report(
    session: Session,
    sought: Sought,
    why: Justification,
    person: str,
    request: CitizenRequest,
    refused: Mapping[PurposeId, str],
) -> tuple[Collected, SubjectReport]:
    async with online(session, asyncio.sleep) as doors:
        collected = await doors.subjects.collect(sought, why, session.person(person))
    hits = {HitId(kept.id): kept for signal in collected.own for kept in session.vault.hits.of_signal(signal)}
    report = build(
        collected,
        hits,
        agency=session.me.id,
        case=request.case,
        clock=clock_of(request, session.clock().date()),
        covenant_version=session.covenant.version,
        refused=refused,
    )
    return collected, report


def _whom(identifiers: str | None, field: Sequence[str] | None, mapping: Path | None) -> Person:
    if identifiers is not None and field:
        raise InputError(Code.MALFORMED, "Say once who the person is: by --identifiers or --field.")
    if field:
        return person_of(_pairs(field))
    if identifiers == STANDARD_INPUT:
        return person_of(fields_of_yaml(sys.stdin.read(MAX_JSON + 1)))
    if identifiers is not None:
        return _of_file(Path(identifiers), mapping)
    if not sys.stdin.isatty():
        raise InputError(
            Code.MALFORMED,
            "It was not said who the person is.",
            hint="Give a file with --identifiers, or write YAML on standard input with --identifiers -.",
        )
    asked = {
        name: [str(typer.prompt(text, default="", show_default=False, err=True))] for name, text in PROMPTS.items()
    }
    return person_of(asked)


def _of_file(path: Path, mapping: Path | None) -> Person:
    # The name of such a file can be a person's: it is not repeated.
    if not path.is_file():
        raise InputError(Code.MALFORMED, "There is no such file of identifiers.")
    if path.suffix.casefold() not in _OBJECTS:
        return person_of_file(path, mapping, path.with_name(path.name + MAPPING_SUFFIX))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(Code.MALFORMED, "The file of identifiers cannot be read.") from None
    return person_of(fields_of_yaml(text))


def _pairs(field: Sequence[str]) -> dict[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for text in field:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(Code.MALFORMED, "A --field is a name, an equals sign and a value.")
        found.setdefault(name.strip(), []).append(value)
    return dict(found)


def _about(sought: Sought) -> list[bytes]:
    """Return what tells one person's request from another's; only keyed hashes of it are kept."""
    return [lp(kind) + lp(form) for kind, form in sought.forms]


def _refusals(given: Sequence[str] | None, reason: str | None, session: Session) -> dict[PurposeId, str]:
    found = {}
    for text in given or ():
        purpose, _, ground = text.partition("=")
        session.covenant.purpose(PurposeId(purpose))
        found[PurposeId(purpose)] = _ground(ground)
    if found and not reason:
        raise InputError(Code.MALFORMED, "A refusal has a reason: --refuse-reason. It is kept here, sealed.")
    return found


def _ground(text: str) -> str:
    if text not in GROUNDS:
        raise InputError(Code.MALFORMED, "There is no such ground to refuse.", hint=f"Choose: {', '.join(GROUNDS)}.")
    return text


def _chosen(text: str, known: Sequence[str], option: str) -> list[str]:
    if text == "both":
        return list(known)
    if text not in known:
        raise InputError(
            Code.MALFORMED, f"There is no such --{option}.", hint=f"Choose from: {', '.join(known)}, both."
        )
    return [text]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(Code.MALFORMED, "That is not a day.", hint="Write it as 2026-11-20.") from None
