# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency status``: where everything is, from this disk alone.

Not here: the parts that have words of their own (``showing_daemon.py``, ``showing_witnesses.py``, ``budgets.py``), the
machine (``cli.py`` passes it).
"""

import typer
from rich.console import Console

from agency_client.budgets import known_budgets
from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.heard import warning_of
from agency_client.machine import Machine
from agency_client.session import Session, differing_of
from agency_client.showing import state_words
from agency_client.showing_daemon import daemon_json, daemon_lines
from agency_client.showing_witnesses import witness_words, witnesses_json
from agency_client.vault.hits import HitState
from agency_client.wording import counted
from edge.cli import reported
from protocol.encoding import Json


def add_status(app: typer.Typer, machine: Machine) -> None:
    """Add the command to the agency's commands."""

    @app.command("status")
    @reported()
    def status(home: HomeOption, as_json: JsonOption = False) -> None:
        """Show where everything is, without asking anybody."""
        with machine.offline(home) as session:
            if as_json:
                print_json(_json(session))
            else:
                _show(machine.console(), session)


def _live(session: Session) -> int:
    return sum(kept.state is HitState.LIVE for kept in session.vault.hits.all())


def _json(session: Session) -> Json:
    states: dict[str, Json] = {str(state): count for state, count in session.vault.signals.count().items()}
    differ = differing_of(session, session.covenant)
    others: list[Json] = [{"party": one.party, "version": one.version, "sha256": one.sha256} for one in differ]
    return {
        "agency": session.me.id,
        "covenant": {"version": session.covenant.version, "sha256": session.covenant.sha256},
        "differing": others,
        "signals": states,
        "waiting": session.vault.pending.count(),
        "hits": _live(session),
        "requests": session.vault.outbox.count_open(),
        "findings": len(session.vault.evidence.findings(unseen_only=True)),
        "budgets": [one.json for one in known_budgets(session.vault.evidence, session.clock())],
        "witnesses": witnesses_json(session),
        "daemon": daemon_json(session),
    }


def _show(out: Console, session: Session) -> None:
    vault, numbers = session.vault, session.vault.signals.count()
    out.print(f"{session.me.title.nl} ({session.me.id}), covenant {session.covenant.version}", highlight=False)
    out.print(f"  signals: {state_words(numbers)}", highlight=False)
    out.print(f"  hits: {_live(session):,}; requests in the outbox: {vault.outbox.count_open():,}", highlight=False)
    for known in known_budgets(vault.evidence, session.clock()):
        out.print(f"  {known.words}", highlight=False)
    if differ := differing_of(session, session.covenant):
        out.print(f"  {warning_of(differ, session.covenant)}", style="yellow", highlight=False)
    for line in (*witness_words(session), *daemon_lines(session)):
        out.print(f"  {line}", highlight=False, markup=False)
    if findings := vault.evidence.findings(unseen_only=True):
        out.print(f"  {counted(len(findings), 'finding')}: something did not hold. sluis agency verify", style="red")
