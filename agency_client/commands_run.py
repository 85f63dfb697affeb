# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency run``: the daemon, the local API and the console in one process, until it is asked to stop.

It holds the home's right to send, opens the vault once, and starts whatever the network is: what is on this disk is
shown, and the rest comes when the others are back. Not here: the tasks (``daemon.py``), what is served
(``serving.py``).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agency_client.command_line import HomeOption
from agency_client.health import ConnectorHealth
from agency_client.machine import Machine
from agency_client.reading import News
from agency_client.run_settings import RunSettings, read_run_settings
from agency_client.session import Session
from edge.cli import exit_status, reported
from edge.logs import configure, logger
from edge.systemd import ServiceManager
from protocol.errors import Code

if TYPE_CHECKING:
    from fastapi import FastAPI

    from agency_client.daemon import Duty
    from agency_client.running import Running
    from agency_client.telling import TellTask

CONNECTORS_SECONDS: Final = 10.0
"""Between looks how the connectors are doing: they write it down at most every minute themselves."""
FAILED: Final = exit_status(Code.INTERNAL)
"""Exit status after a fault of ours: the service manager starts it anew."""


def add_run(app: typer.Typer, machine: Machine) -> None:
    """Add the command."""

    @app.command()
    @reported()
    def run(
        home: HomeOption,
        host: Annotated[str | None, typer.Option(help="Address to listen on; run.json's when absent.")] = None,
        port: Annotated[
            int | None,
            typer.Option(help="Port to listen on; 0 takes a free one; run.json's when absent.", min=0, max=65535),
        ] = None,
        log_file: Annotated[Path | None, typer.Option(help="Log here instead of on standard error.")] = None,
    ) -> None:
        """Stay: send, read what we are told, watch the log, and serve the console on the agency's own network."""
        # Loaded here only: a web server takes longer to load than the other commands take altogether.
        from agency_client.telling import require_told
        from edge.serve import serve

        settings = read_run_settings(home)
        # Also when no covenant can be acted under now: what is here can be looked at, and a newer one may come.
        with machine.offline(home) as session, session.home.sending():
            configure(path=log_file)
            require_told(settings.tell, settings.public_url)
            program = _Program(replace(session, warn=lambda _: None), settings)
            status = serve(
                program.served(),
                host=host or settings.host,
                port=settings.port if port is None else port,
                role="agency",
                listening=program.listening,
                tls=None if settings.tls is None else (home / settings.tls.certificate, home / settings.tls.key),
            )
        raise typer.Exit(FAILED if program.failed else status)


async def _note_connectors(running: "Running") -> float:
    """Look how the connectors are doing, for who watches. Returns after how many seconds to look again."""
    from agency_client.connectors.states import states_of

    states = await asyncio.to_thread(states_of, running.session)
    running.note(
        connectors=tuple(ConnectorHealth(one.name, one.kind, one.enabled, one.waiting, one.problem) for one in states)
    )
    return CONNECTORS_SECONDS


@dataclass(slots=True)
class _Program:
    """One run: what it serves, where, and who started it."""

    session: Session
    settings: RunSettings
    manager: ServiceManager = field(default_factory=ServiceManager.of_environment)
    url: str | None = None
    failed: bool = False
    telling: "TellTask | None" = None

    def served(self) -> "FastAPI":
        """Return what is served; its life is the daemon's."""
        from agency_client.connectors.running import connecting
        from agency_client.daemon import living
        from agency_client.serving import make_served

        @asynccontextmanager
        async def life(served: "FastAPI") -> AsyncIterator[None]:
            stopping = served.state.stopping
            async with living(
                self.session,
                asyncio.sleep,
                logger("agency"),
                stopping,
                told=self._came,
                also=lambda running: [*self._duties(running), connecting(running, stopping)],
            ) as running:
                served.state.running = running
                try:
                    yield
                finally:
                    self.manager.stopping()
                    self.failed = running.failed

        return make_served(life, self.settings, self.session)

    def listening(self, url: str) -> None:
        """Say that it can be used."""
        self.url = url
        self.manager.ready(f"Serving at {url}")

    async def _came(self, _: "Running", news: News) -> None:
        if self.telling is not None:
            await self.telling.came(news)

    def _duties(self, running: "Running") -> Sequence["Duty"]:
        from agency_client.daemon import Duty
        from agency_client.daemon_state import StateTask
        from agency_client.telling import TellTask

        state = StateTask(running, self.session.home.folder, os.getpid(), lambda: self.url)
        found = [Duty("state", state.once), Duty("connector states", partial(_note_connectors, running))]
        tell, public_url = self.settings.tell, self.settings.public_url
        if tell is not None and public_url is not None:
            self.telling = TellTask(running, tell, public_url)
            found.append(Duty("telling", self.telling.once, self.telling.bell))
        every = self.manager.sign_every
        if every is not None:

            async def sign() -> float:
                self.manager.alive()
                return every

            found.append(Duty("sign", sign))
        return found
