# SPDX-License-Identifier: EUPL-1.2
"""Leave the sending to the client that runs already, and wait a little to tell what became of it.

What a command writes into the vault is sent by whoever holds the home's right to send: ``sluis agency run`` looks for
it every second. Not here: the sending (``daemon_outbox.py``).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from agency_client.daemon_state import read_state
from agency_client.post import Tally
from agency_client.session import Session
from agency_client.states import SignalState
from protocol.errors import Code, SluisError, UnavailableError

WAIT_SECONDS: Final = 30.0
"""How long a command waits for what the running client sends: a push of a few files takes seconds."""
BLOCKED_SECONDS: Final = 5.0
"""How long it waits when the running client says that something stands in its way: it is tried once more meanwhile."""
LOOK_SECONDS: Final = 0.25


async def left_to_the_other(
    session: Session,
    before: Counter[SignalState],
    more: Callable[[], bool],
    told: Callable[[Tally], None],
    sleep: Callable[[float], Awaitable[None]],
    sending: SluisError,
) -> tuple[Tally, SluisError | None]:
    """Wait until the running client sent all there is; returns what became of it, and why something still waits.

    ``before`` is how many signals were in each state, ``sending`` what is told when no client that stays is sending.
    """
    waited = 0.0
    tally = Tally()
    while True:
        # Asked before looking, so that what comes between the look and the answer is looked for once more.
        coming = more()
        tally = await asyncio.to_thread(_since, session, before)
        told(tally)
        done = not coming and not await asyncio.to_thread(session.vault.outbox.anything)
        if done:
            return tally, None
        if not coming and (waited >= WAIT_SECONDS or (waited >= BLOCKED_SECONDS and _is_blocked(session))):
            return tally, _why(session, sending)
        await sleep(LOOK_SECONDS)
        waited = 0.0 if coming else waited + LOOK_SECONDS


def _since(session: Session, before: Counter[SignalState]) -> Tally:
    now = session.vault.signals.count()
    grown = {state: max(0, now[state] - before[state]) for state in (SignalState.ACCEPTED, SignalState.REFUSED)}
    return Tally(accepted=grown[SignalState.ACCEPTED], refused=grown[SignalState.REFUSED])


def _is_blocked(session: Session) -> bool:
    state = read_state(session.home.folder) or {}
    return bool(state.get("blocked") or state.get("stopped"))


def _why(session: Session, sending: SluisError) -> SluisError:
    """Return why the running client has not sent yet, by its own word."""
    state = read_state(session.home.folder)
    if state is None:
        return sending
    blocked = state.get("blocked")
    reason = state.get("stopped") or (blocked.get("words") if isinstance(blocked, dict) else None)
    return UnavailableError(
        Code.UNAVAILABLE,
        str(reason) if reason else "The client that runs has not sent it yet.",
        hint="`sluis agency run` sends it as soon as it can; `sluis agency status` says how it is.",
    )
