# SPDX-License-Identifier: EUPL-1.2
"""What ``sluis agency status`` says of the client that stays: whether it runs, whom it reaches, what stands in its way.

Not here: finding it out (``daemon_state.py``), the console's own screen.
"""

from collections.abc import Iterator
from typing import Final

from agency_client.daemon_state import read_state
from agency_client.session import Session
from agency_client.settings import SendingError
from agency_client.wording import counted
from protocol.encoding import Json

_LISTENING: Final = {
    "stream": "told at once",
    "poll": "asks again and again (no stream gets through)",
    "away": "hears nothing now",
}


def is_running(session: Session) -> bool:
    """Return whether a client holds the home's right to send now."""
    try:
        with session.home.sending():
            return False
    except SendingError:
        return True


def daemon_json(session: Session) -> Json:
    """Return the state for programs; None when it never ran."""
    found = read_state(session.home.folder)
    return None if found is None else {"running": is_running(session), **found}


def daemon_lines(session: Session) -> Iterator[str]:
    """Yield the state for people; nothing when it never ran."""
    state = read_state(session.home.folder)
    if state is None:
        return
    if not is_running(session):
        yield f"client: does not run; last seen at {_moment(state.get('writtenAt'))}. Start it: sluis agency run"
        return
    where = f", console at {state['url']}" if state.get("url") else ""
    yield f"client: runs since {_moment(state.get('startedAt'))}{where}"
    how = _LISTENING.get(str(state.get("listening")), "not known")
    yield f"  notices: {how}; last {_moment(state.get('noticeAt'))}"
    yield from (f"  {line}" for line in _away(state))
    if stopped := state.get("stopped"):
        yield f"  stopped: {stopped}"
    for what, found in (("outbox", state.get("blocked")), ("covenant", _of(state, "covenant").get("trouble"))):
        if isinstance(found, dict):
            yield f"  {what}: {found.get('words')} Since {_moment(found.get('since'))}; tried again by itself"
    failing = _of(state, "told").get("failing")
    if isinstance(failing, list) and failing:
        yield f"  e-mail or webhook fails for {', '.join(map(str, failing))}; tried again by itself"
    connectors = state.get("connectors")
    for one in connectors if isinstance(connectors, list) else []:
        if isinstance(one, dict) and (one.get("problem") or one.get("quarantined")):
            rows = one.get("quarantined")
            yield f"  connector {one.get('name')}: {one.get('problem') or 'works'}; rows in quarantine: {rows}"
    retagging = state.get("retagging")
    if isinstance(retagging, int) and retagging:
        yield f"  {counted(retagging, 'signal')} to be given the new epoch's pseudonyms"


def _away(state: dict[str, Json]) -> Iterator[str]:
    holders = state.get("keyHolders")
    for one in [state.get("broker"), *(holders if isinstance(holders, list) else [])]:
        if isinstance(one, dict) and not one.get("ok"):
            yield f"{one.get('name')}: away since {_moment(one.get('since'))}: {one.get('problem')}"


def _of(state: dict[str, Json], name: str) -> dict[str, Json]:
    found = state.get(name)
    return found if isinstance(found, dict) else {}


def _moment(text: Json) -> str:
    return f"{text[:10]} {text[11:16]} UTC" if isinstance(text, str) and len(text) > 16 else "never"
