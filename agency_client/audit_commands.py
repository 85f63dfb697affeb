# SPDX-License-Identifier: EUPL-1.2
"""The commands of ``sluis audit`` that need an agency's home, beside the auditor's own.

``sluis.py`` adds them, since roles do not import each other. Each ``commands_audit_*.py`` has an
``add_…(app, machine)`` that is called below. Not here: what any of them does.
"""

import typer

from agency_client.cli import MACHINE
from agency_client.commands_audit_evidence import add_evidence
from agency_client.commands_audit_export import add_export
from agency_client.commands_audit_search import add_search
from agency_client.commands_audit_tail import add_tail
from agency_client.commands_audit_year import add_year
from agency_client.commands_unusual import add_unusual
from agency_client.commands_verify import add_verify


def add_to(app: typer.Typer) -> None:
    """Add the agency's commands to the auditor's."""
    add_evidence(app, MACHINE)
    add_search(app, MACHINE)
    add_export(app, MACHINE)
    add_verify(app, MACHINE, "verify-own")
    add_tail(app, MACHINE)
    add_year(app, MACHINE)
    add_unusual(app, MACHINE)
