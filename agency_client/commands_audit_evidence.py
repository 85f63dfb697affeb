# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit evidence``: what the log contradicted itself in, as this agency kept it, and a file of it for others.

Evidence is never deleted; that somebody looked at it is said with ``sluis agency verify --evidence-seen``, and until
then the client stays stopped. Not here: finding (``trail.py``), checking the file (``protocol/fork_evidence.py``).
"""

from pathlib import Path
from typing import Annotated

import typer

from agency_client.command_line import HomeOption, print_json
from agency_client.cosigning import PLACE
from agency_client.machine import Machine
from agency_client.session import Session
from agency_client.trail import STOPPING, kept_beginning
from agency_client.vault.evidence import Finding
from edge.cli import reported
from edge.keyfile import replace_file
from protocol.checkpoint import open_signed
from protocol.encoding import Json
from protocol.errors import Code, InputError, NotFoundError
from protocol.fork_evidence import fork_evidence


def add_evidence(app: typer.Typer, machine: Machine) -> None:
    """Add ``evidence list`` and ``evidence export`` to the audit commands."""
    group = typer.Typer(no_args_is_help=True, add_completion=False, help="What the log contradicted itself in.")
    app.add_typer(group, name="evidence")

    @group.command("list")
    @reported()
    def list_evidence(
        home: HomeOption, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
    ) -> None:
        """Show the contradictions of the log that this agency kept, and whether somebody looked at them."""
        with machine.offline(home) as session:
            found = _contradictions(session)
            if as_json:
                rows: list[Json] = [
                    {"number": one.number, "code": one.code, "foundAt": one.found_at, "seenAt": one.seen_at}
                    for one in found
                ]
                print_json({"evidence": rows})
                return
            out = machine.console()
            for one in found:
                seen = f"looked at {one.seen_at}" if one.seen_at else "NOT LOOKED AT: the client is stopped"
                out.print(f"{one.number}  {one.found_at}  {one.code}: {one.detail} ({seen})", highlight=False)
            if not found:
                out.print("The log has not contradicted itself.")

    @group.command("export")
    @reported()
    def export_evidence(
        home: HomeOption,
        out: Annotated[Path, typer.Option(help="The file to write.", dir_okay=False)],
        number: Annotated[int | None, typer.Option(help="As in the list; the newest when absent.")] = None,
    ) -> None:
        """Write a file with both signed checkpoints, that anybody can check with `sluis audit check-fork`."""
        with machine.offline(home) as session:
            chosen = _chosen(_contradictions(session), number)
            log = session.covenant.log.verifier
            ours, theirs = open_signed(chosen.ours, log), open_signed(chosen.theirs, log)
            beginning = kept_beginning(session.vault.evidence, ours.checkpoint, theirs.checkpoint)
            evidence = fork_evidence(ours, theirs, log, beginning)
            replace_file(out, evidence.to_json() + b"\n")
            out.chmod(0o644)
            notes = machine.notes()
            notes.print(f"{out}: both checkpoints as the log signed them; it holds no secrets.", highlight=False)
            if chosen.code != Code.LOG_FORKED:
                notes.print("The log may have signed both honestly; that the older came last only we can say.")
            elif beginning is None and ours.checkpoint.size != theirs.checkpoint.size:
                notes.print("Their sizes differ, and the log did not serve what would prove the fork to others.")


def _contradictions(session: Session) -> list[Finding]:
    findings = session.vault.evidence.findings()
    # Of what another witness cosigned there is no second note by the log, so no file proves it to others.
    return [one for one in findings if one.code in STOPPING and one.ours and one.theirs and one.place != PLACE]


def _chosen(found: list[Finding], number: int | None) -> Finding:
    if not found:
        raise NotFoundError(Code.NOT_FOUND, "The log has not contradicted itself; there is nothing to export.")
    if number is None:
        return found[-1]
    chosen = next((one for one in found if one.number == number), None)
    if chosen is None:
        raise InputError(Code.MALFORMED, f"There is no evidence with number {number}.", hint="Look with the list.")
    return chosen
