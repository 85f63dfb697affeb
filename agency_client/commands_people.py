# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency people``: who may log in to the console. Add, list, roles, reset, unlock, remove, log out.

Not here: what these acts are (``people/staff.py``), the machine (``cli.py`` passes it).
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.machine import Machine
from agency_client.people.accounts import ROLES, Account, AccountState
from agency_client.people.gate import Gate
from agency_client.people.logins import FAILURES
from agency_client.people.passwords import Cost, Hashing
from agency_client.people.staff import SET_UP_LASTS, Added, Staff
from agency_client.run_settings import read_run_settings
from agency_client.session import Session
from edge.cli import reported
from protocol.encoding import Json, format_time
from protocol.errors import Code, InputError

NameArgument = Annotated[str, typer.Argument(help="The user name.")]
RoleOption = Annotated[list[str], typer.Option("--role", help=f"{', '.join(ROLES)}; may be given several times.")]
_MAX_PASSWORD_FILE: Final = 1_024
_SHOWN_ID: Final = 12
"""Letters of an id that lists show: enough to tell a hundred people apart."""
_RECORD: Final = 50

_WORDS: Final = {
    AccountState.WAITS: "waits for its first login",
    AccountState.ACTIVE: "active",
    AccountState.REMOVED: "removed",
}

_HELP: Final = """Who may log in to the console of `sluis agency run`.

A new account, from nothing to in use:

  1. `sluis agency people add jansen --name "A. Jansen" --role coordinator --home H` prints a one-time code.
  2. Give the code to that person, by another way than e-mail to strangers: whoever has it can take the account.
  3. The person opens /welcome on the console, types user name and code, chooses a password and takes a second
     factor into an authenticator app on a telephone.

Somebody lost the telephone: a recovery code logs in; else `reset` gives a new one-time code.
Somebody leaves: `remove`, and every open session ends at once. Changed roles hold at the next click.

An agency with an identity provider needs none of this: see docs/guide-login.md, "By your own identity provider".

Roles: a coordinator works with signals and hits; a supervisor sees what is late and how things are used; a
privacy-officer reads the log and answers citizens; an operator sees connectors, quarantine and health, and no hits."""


def add_people(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""
    people = typer.Typer(name="people", no_args_is_help=True, add_completion=False, help=_HELP)
    app.add_typer(people)
    _add_additions(people, machine)
    _add_changes(people, machine)
    _add_sessions(people, machine)


def staff_of(session: Session) -> Staff:
    """Return the operator's desk of an opened home."""
    # Nobody logs in here, so that there is nothing to compare with where there is no account.
    return Staff(Gate(session.vault.people, Hashing(Cost.LOGIN, ""), session.clock))


def _add_additions(people: typer.Typer, machine: Machine) -> None:
    @people.command()
    @reported()
    def add(
        home: HomeOption,
        name: NameArgument,
        shown: Annotated[str, typer.Option("--name", help="How colleagues see it, such as 'A. Jansen'.")],
        role: RoleOption,
        language: Annotated[str, typer.Option(help="nl or en.")] = "nl",
        password_file: Annotated[
            Path | None,
            typer.Option(help="Give this password at once, without a one-time code; for automation.", dir_okay=False),
        ] = None,
        again: Annotated[bool, typer.Option("--again", help="The same person as before comes back.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Add somebody, and print the one-time code for the first login."""
        password = None if password_file is None else _password(password_file)
        with machine.offline(home) as session:
            added = staff_of(session).add(name, shown, role, language, password=password, again=again)
            _show_added(added, home, machine.console(), as_json)

    @people.command("list")
    @reported()
    def listed(home: HomeOption, as_json: JsonOption = False) -> None:
        """Show who may log in, in which roles."""
        with machine.offline(home) as session:
            found = staff_of(session).all()
            if as_json:
                print_json({"people": [_json(one) for one in found]})
                return
            _show(found, machine.console())

    @people.command()
    @reported()
    def reset(home: HomeOption, name: NameArgument, as_json: JsonOption = False) -> None:
        """Void somebody's password and second factor, end all sessions, and print a new one-time code."""
        with machine.offline(home) as session:
            _show_added(staff_of(session).reset(name), home, machine.console(), as_json)


def _add_changes(people: typer.Typer, machine: Machine) -> None:
    @people.command()
    @reported()
    def roles(home: HomeOption, name: NameArgument, role: RoleOption) -> None:
        """Give somebody these roles instead of the present ones. They hold at the next click."""
        with machine.offline(home) as session:
            changed = staff_of(session).set_roles(name, role)
            machine.console().print(f"{escape(changed.display)} is now: {', '.join(sorted(changed.roles))}.")

    @people.command()
    @reported()
    def unlock(home: HomeOption, name: NameArgument) -> None:
        """Let somebody try again at once who failed too often."""
        with machine.offline(home) as session:
            machine.console().print(f"{escape(staff_of(session).unlock(name).display)} can try again now.")

    @people.command()
    @reported()
    def remove(home: HomeOption, name: NameArgument) -> None:
        """Take somebody's access away at once. The name stays taken: the log knows its owner by it."""
        with machine.offline(home) as session:
            removed = staff_of(session).remove(name)
            machine.console().print(f"{escape(removed.display)} cannot log in any more; open sessions have ended.")


def _add_sessions(people: typer.Typer, machine: Machine) -> None:
    @people.command()
    @reported()
    def sessions(home: HomeOption, as_json: JsonOption = False) -> None:
        """Show who is logged in now."""
        with machine.offline(home) as session:
            found = staff_of(session).sessions()
            if as_json:
                print_json({"sessions": [{"id": one.id, "since": format_time(at.created_at), "until":
                                          format_time(at.ends_at())} for one, at in found]})  # fmt: skip
                return
            table = Table("Who", "Since", "Ends, if nothing is done", "Browser", box=None)
            for account, at in found:
                table.add_row(escape(account.display), _moment(at.created_at), _moment(at.ends_at()), escape(at.device))
            out = machine.console()
            out.print(table if found else "Nobody is logged in.")

    @people.command("log-out-everywhere")
    @reported()
    def log_out(
        home: HomeOption,
        name: Annotated[str | None, typer.Argument(help="The user name.")] = None,
        everybody: Annotated[bool, typer.Option("--everybody", help="All people of this agency.")] = False,
    ) -> None:
        """End all sessions of somebody, or of everybody. Who still may, can log in again."""
        if everybody == (name is not None):
            raise InputError(Code.MALFORMED, "Say one thing: a user name, or --everybody.")
        with machine.offline(home) as session:
            ended = staff_of(session).log_out(name)
            machine.console().print(f"{ended} session{'' if ended == 1 else 's'} ended.")

    @people.command()
    @reported()
    def record(
        home: HomeOption,
        failures: Annotated[bool, typer.Option("--failures", help="Only what went wrong.")] = False,
        limit: Annotated[int, typer.Option(help="How many lines.", min=1, max=10_000)] = _RECORD,
    ) -> None:
        """Show the record of logins, the newest first. It is kept half a year, sealed, and never leaves this agency."""
        with machine.offline(home) as session:
            table = Table("When", "What", "How", "Who", "From", box=None)
            for _, one in session.vault.people.logins(limit):
                if not failures or one.result in FAILURES:
                    table.add_row(_moment(one.at), one.result, one.how, escape(one.who or "?"), escape(one.address))
            machine.console().print(table)


def _show_added(added: Added, home: Path, out: Console, as_json: bool) -> None:
    if as_json:
        print_json({**_json(added.account), "code": added.code})
        return
    account = added.account
    if added.code is None:
        out.print(f"{escape(account.display)} can log in as {account.subject}.", highlight=False)
        return
    address = read_run_settings(home).public_url or "the console's address"
    out.print(f"{escape(account.display)} ({account.subject}) can set up the account now:", highlight=False)
    out.print(f"  1. open {address}/welcome", highlight=False)
    out.print(f"  2. user name {account.subject}, one-time code [bold]{added.code}[/]", highlight=False)
    hours = int(SET_UP_LASTS.total_seconds() // 3600)
    out.print(f"The code holds for {hours} hours, once. It is not shown again; `reset` gives another.", style="dim")


def _show(found: list[Account], out: Console) -> None:
    if not found:
        out.print("Nobody yet. `sluis agency people add` adds somebody.")
        return
    table = Table("User name", "Name", "Roles", "", "Second factor", box=None)
    for one in found:
        local = one.kind == "local"
        name = one.subject if local else one.id[:_SHOWN_ID]
        factor = ("yes" if one.proofs.totp else "not yet") if local else "at the provider"
        table.add_row(escape(name), escape(one.display), ", ".join(sorted(one.roles)), _WORDS[one.state], factor)
    out.print(table)


def _json(one: Account) -> dict[str, Json]:
    local = one.kind == "local"
    return {
        "id": one.id,
        "kind": one.kind,
        "name": one.subject if local else None,
        "shown": one.display,
        "roles": [*sorted(one.roles)],
        "language": one.language,
        "state": one.state,
        "secondFactor": one.proofs.totp is not None if local else None,
        "createdAt": format_time(one.created_at),
    }


def _password(path: Path) -> str:
    try:
        raw = path.read_bytes()[:_MAX_PASSWORD_FILE]
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):
        raise InputError(Code.MALFORMED, "The password file cannot be read.") from None


_moment: Callable[[datetime], str] = format_time
