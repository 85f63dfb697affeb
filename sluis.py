# SPDX-License-Identifier: EUPL-1.2
"""The one command ``sluis``: a door to each role's own commands. Not here: what any of them does."""

import gc
import importlib
import sys
from typing import Final

import typer

ROLES: Final = {
    "agency": ("agency_client.cli", "What an agency runs: push records, see hits, verify the log."),
    "broker": ("broker.main", "The middle: match pseudonyms, tell agencies, keep the log."),
    "keyholder": ("keyholder.main", "One of the independent bodies that hold a share of the pseudonym keys."),
    "policy": ("board.cli", "The covenant board: check and show purposes, parties and rules."),
    "audit": ("auditor.cli", "Prove what the log says: by public keys alone, or as an agency its own part."),
}
ALSO: Final = {"audit": ("agency_client.audit_commands",)}
"""Roles do not import each other; here a role's commands get those of another beside them."""


def main() -> None:
    """Run ``sluis ROLE …``, loading only that role's code, so that ``sluis agency`` starts without the broker's."""
    # Nothing of what loading makes is garbage: looking for it would take a seventh of the time before a command begins.
    gc.disable()
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    root = typer.Typer(
        name="sluis",
        no_args_is_help=True,
        add_completion=False,
        help="Lets public agencies find out that they worry about the same person, without showing who it is.",
    )
    for name, (_, summary) in ROLES.items():
        app = app_of(name) if asked == name else _closed()
        root.add_typer(app, name=name, help=summary)
    gc.freeze()
    gc.enable()
    root(prog_name="sluis")


def app_of(role: str) -> typer.Typer:
    """Load a role, and return all commands that stand under its name."""
    app: typer.Typer = importlib.import_module(ROLES[role][0]).app
    for also in ALSO.get(role, ()):
        importlib.import_module(also).add_to(app)
    return app


def _closed() -> typer.Typer:
    app = typer.Typer()
    app.callback(invoke_without_command=True)(_closed_door)
    return app


def _closed_door() -> None:
    """Stand in for a role that was not asked, so that ``sluis --help`` lists it without loading it."""


if __name__ == "__main__":
    main()
