# SPDX-License-Identifier: EUPL-1.2
"""All about one signal: what it says, who could be told, its hits, its proofs, and what can be done with it.

Not here: the sentences (``signal_views.py``), the acts (``signal_acts.py``).
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import Response

from agency_client.console.asked import muted_values, questions
from agency_client.console.languages import N_
from agency_client.console.previews import PreviewView, preview_view
from agency_client.console.signal_record import name_of
from agency_client.console.signal_views import change_rows, hit_rows, log_rows, view_of
from agency_client.console.visits import Visit
from agency_client.draft import Draft
from agency_client.preview import PushKind, preview
from agency_client.states import SignalState
from agency_client.vault.signal_lists import Standing, standing_of
from agency_client.vault.signals import Kept
from protocol.encoding import parse_time
from protocol.errors import Code, NotFoundError, RefusedError
from protocol.ids import SignalId

WITHDRAWALS: Final = (
    ("ended", N_("The worry is over")),
    ("mistake", N_("It was a mistake")),
    ("wrong-person", N_("It was about somebody else")),
    ("consent-withdrawn", N_("The person took back consent")),
)
"""Why a signal is taken back: a code for the log, which the other agencies are told too."""
RESTRICTIONS: Final = (
    ("contested", N_("The person says that it is not right")),
    ("checking", N_("We are checking whether it is right")),
    ("objection", N_("The person objects")),
    ("evidence", N_("It must be kept as evidence, and no more")),
)
"""Why a signal is only kept for a while (GDPR 18, LED 16): a code for the log."""
LIFTED: Final = "checked"
_EVENTS: Final = 100
"""Entries of the log shown about one signal; an ordinary one has fewer than ten."""


def find_kept(visit: Visit, signal: str) -> Kept:
    """Return a signal by what stands in an address. Raises ``NotFoundError``."""
    try:
        wanted = SignalId(UUID(signal))
    except ValueError:
        raise NotFoundError(Code.NOT_FOUND, "There is no such signal.") from None
    vault = visit.running.session.vault
    if wanted in vault.probes.signals():
        raise NotFoundError(Code.NOT_FOUND, "There is no such signal.")
    return vault.signals.get(wanted)


async def show_signal(
    visit: Visit, signal: str, status: int = 200, errors: Mapping[str, str] | None = None
) -> Response:
    """Return the page about one signal; ``errors`` are of a form on it."""
    kept = await asyncio.to_thread(find_kept, visit, signal)
    context = await asyncio.to_thread(_detail, visit, kept)
    return visit.page("signal.html", status, **{**context, "errors": errors or {}})


def _detail(visit: Visit, kept: Kept) -> Mapping[str, Any]:
    session, speech, now = visit.running.session, visit.speech, visit.now
    vault, covenant = session.vault, session.covenant
    hits = vault.hits.of_signal(kept.id)
    draft = Draft.from_bytes(kept.draft)
    typed = vault.typed_records.get(kept.purpose, draft.reference) if draft.reference else None
    restricted = vault.changes.is_restricted(kept.id)
    view = view_of(
        kept, len(hits), covenant, session.engine.rules, speech, now, name_of(typed or {}), restricted=restricted
    )
    names = [str(kept.id), *(str(one.id) for one in hits)]
    cosigned = visit.running.online.trail.last()
    later = vault.signal_lists.later_of(kept.id)
    return {
        "view": view,
        "signal": str(kept.id),
        "preview": _preview(visit, kept, draft),
        "hits": hit_rows(hits, covenant, speech, now),
        "asked": questions(vault, kept.id, covenant, speech, now),
        "muted": muted_values(vault, kept.id, draft, speech, now),
        "log": log_rows(vault.proofs.about(names, _EVENTS), speech, now),
        "confirmed": 0 if cosigned is None else len(cosigned.cosigners),
        "witnesses": len(covenant.key_holders),
        "later": None if later is None else f"/signals/{later}",
        "earlier": None if kept.supersedes is None else f"/signals/{kept.supersedes}",
        "acts": _acts(visit, kept, restricted=restricted),
        "changes": change_rows(vault.changes.of(kept.id), covenant, speech, now),
        "restrictions": [(code, speech.gettext(words)) for code, words in RESTRICTIONS],
        "withdrawals": [(code, speech.gettext(words)) for code, words in WITHDRAWALS],
        "typed": typed is not None,
    }


def _preview(visit: Visit, kept: Kept, draft: Draft) -> PreviewView | None:
    session = visit.running.session
    kind = PushKind(kept.purpose, frozenset(key.kind for key in draft.keys), draft.urgency)
    try:
        found = preview(kind, session.me.id, session.engine, visit.now)
    except (RefusedError, NotFoundError):
        # The covenant has changed since: it does not let this agency signal for this any more.
        return None
    return preview_view(found, visit.speech, parse_time(kept.expires_at))


def _acts(visit: Visit, kept: Kept, *, restricted: bool) -> frozenset[str]:
    """Return what this person can do with a signal now."""
    standing = standing_of(kept, visit.now)
    if not visit.may("coordinator"):
        return frozenset()
    acts = set()
    if standing is not Standing.ENDED:
        acts.add("correct")
    if standing is Standing.LIVE or kept.state is SignalState.NEW:
        acts.add("withdraw")
    if standing is Standing.LIVE:
        acts.add("lift" if restricted else "restrict")
        purpose, vault = visit.running.session.covenant.purposes.get(kept.purpose), visit.running.session.vault
        if purpose is not None and vault.changes.extensions(kept.id) < purpose.max_extensions:
            acts.add("extend")
    return frozenset(acts)
