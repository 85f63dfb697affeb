# SPDX-License-Identifier: EUPL-1.2
"""How far the log's witnesses are, this agency among them, as `sluis agency status` shows it.

Not here: asking and cosigning (``cosigning.py``).
"""

from collections.abc import Iterator

from agency_client.cosigning import known_witnesses, last_shown
from agency_client.session import Session
from edge.witness_lines import ago, witness_lines
from protocol.encoding import Json, format_time
from protocol.errors import VerificationError
from protocol.witness_reports import states_json


def witness_words(session: Session) -> Iterator[str]:
    """Yield lines about our own cosignature and every witness; nothing before the first look at the log."""
    shown, now = last_shown(session.vault.evidence), session.clock()
    if shown is None:
        return
    when = ago(now - shown.at)
    if not shown.own:
        yield "our own cosignature: none; the covenant and this home do not name the same witness key"
    elif shown.failed is not None:
        yield f"our own cosignature: FAILING ({shown.failed}), last tried {when}; nothing else waits for it"
    else:
        yield f"our own cosignature: size {shown.size:,}, {when}"
    try:
        known = known_witnesses(session.vault.evidence, session.covenant)
    except VerificationError as error:
        # Kept under another covenant, whose keys were others: the next look at the log replaces it.
        yield f"witnesses: {error.detail}"
        return
    for line in witness_lines(known.states if known is not None else (), now):
        yield f"witness {line}"


def witnesses_json(session: Session) -> Json:
    """Return the same for programs."""
    shown = last_shown(session.vault.evidence)
    if shown is None:
        return None
    try:
        known = known_witnesses(session.vault.evidence, session.covenant)
    except VerificationError:
        known = None
    states: list[Json] = [dict(one) for one in states_json(known.states if known else (), session.clock())]
    own: dict[str, Json] = {
        "size": shown.size,
        "at": format_time(shown.at),
        "failed": shown.failed,
        "cosigns": shown.own,
    }
    return {"own": own, "witnesses": states}
