# SPDX-License-Identifier: EUPL-1.2
"""A new signal by form, or a correction of one: fill in, see who may learn what and until when, then send.

The checks and the way into the vault are those of a file (``agency_client/intake.py``). What is filled in goes by POST,
so that it stands in no address. Not here: the fields (``signal_record.py``), words for mistakes (``issue_words.py``).
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import Depends, FastAPI, Response

from agency_client.console.issue_words import field_words
from agency_client.console.previews import preview_view, title_in
from agency_client.console.signal_page import find_kept
from agency_client.console.signal_record import (
    ASSOCIATE_FIELDS,
    ASSOCIATES,
    DOCUMENTS,
    HANDLES,
    Typed,
    name_of,
    of_people,
    pair_issues,
    record_of,
    typed_of,
)
from agency_client.console.signal_views import OWN_PREFIX, view_of
from agency_client.console.visits import House, Visit
from agency_client.draft import Draft
from agency_client.intake import Ready
from agency_client.mapping import Quarantined
from agency_client.preview import PushKind, preview, sendable
from agency_client.states import SignalState
from agency_client.vault.signal_lists import Standing, standing_of
from agency_client.vault.signals import Kept
from protocol.covenant_purposes import Purpose
from protocol.encoding import format_time
from protocol.errors import Code, InputError, Issue, NotFoundError, RefusedError
from protocol.handles import PLATFORMS
from protocol.ids import KeyKind, PurposeId, SignalId
from protocol.normalise import normalise

_FIELD_KINDS: Final[Mapping[str, str]] = {
    "phones": "phone",
    "emails": "email",
    "ibans": "iban",
    "adverts": "advert",
    "vehicles": "vehicle",
    "handles": "handle",
    "documents": "document",
    "bsn": "bsn",
    "v_number": "v-number",
    "skn": "skn",
}
"""The kind of key that each field makes: a purpose that does not compare it does not ask for it."""


def add_signal_form(app: FastAPI, house: House) -> None:
    """Add the routes of the form."""
    enter = Annotated[Visit, Depends(house.visit("coordinator"))]

    @app.get("/signals/new", include_in_schema=False)
    async def new(visit: enter) -> Response:
        session = visit.running.session
        purposes = sendable(session.covenant, session.me.id)
        chosen = next((one for one in purposes if one == visit.request.query_params.get("purpose")), None)
        if len(purposes) == 1:
            chosen = purposes[0]
        if chosen is None:
            return _choose(visit, purposes)
        purpose = session.covenant.purpose(chosen)
        return _form(visit, {"purpose": (chosen,), "urgency": (purpose.urgency,), "informed": ("not-required",)})

    @app.get("/signals/{signal}/correct", include_in_schema=False)
    async def correct(visit: enter, signal: str) -> Response:
        kept, typed = await asyncio.to_thread(_typed_before, visit, signal)
        return _form(visit, typed, correcting=str(kept.id))

    @app.post("/signals/form", include_in_schema=False)
    async def again(visit: enter) -> Response:
        return _form(visit, typed_of(visit.form), correcting=visit.form.text("correcting"))

    @app.post("/signals/check", include_in_schema=False)
    async def check(visit: enter) -> Response:
        typed = typed_of(visit.form)
        # What is not filled in yet is not wrong yet: only what was.
        errors = field_words(value_issues(typed), visit.speech)
        return visit.page("signal_checks.html", errors=errors, live=_live_fields(visit, typed))

    @app.post("/signals/preview", include_in_schema=False)
    async def show(visit: enter) -> Response:
        typed, correcting = typed_of(visit.form), visit.form.text("correcting")
        typed = await asyncio.to_thread(_settled, visit, typed, correcting)
        errors, ready = await asyncio.to_thread(_errors, visit, typed, correcting)
        if ready is None:
            return _form(visit, typed, errors, correcting)
        return visit.page("signal_preview.html", **_preview(visit, typed, ready), correcting=correcting)

    @app.post("/signals/new", include_in_schema=False)
    async def send(visit: enter) -> Response:
        typed, correcting = typed_of(visit.form), visit.form.text("correcting")
        typed = await asyncio.to_thread(_settled, visit, typed, correcting)
        errors, ready = await asyncio.to_thread(_errors, visit, typed, correcting)
        if ready is None:
            return _form(visit, typed, errors, correcting)
        signal, changed = await asyncio.to_thread(_add, visit, typed, ready)
        visit.running.changed()
        visit.running.nudge()
        return visit.see(f"/signals/{signal}", "sent" if changed else "unchanged")


def _choose(visit: Visit, purposes: tuple[PurposeId, ...]) -> Response:
    covenant, speech = visit.running.session.covenant, visit.speech
    return visit.page(
        "signal_purpose.html",
        purposes=[
            (name, title_in(covenant.purpose(name).title, speech), title_in(covenant.purpose(name).explanation, speech))
            for name in purposes
        ],
    )


def _form(visit: Visit, typed: Typed, errors: Mapping[str, str] | None = None, correcting: str = "") -> Response:
    session, speech = visit.running.session, visit.speech
    name = PurposeId(next(iter(typed.get("purpose", ())), ""))
    if name not in sendable(session.covenant, session.me.id):
        raise RefusedError(Code.POLICY_REFUSED, "Your kind of agency does not signal for this purpose.")
    purpose = session.covenant.purpose(name)
    bases = {code: session.covenant.legal_bases[code] for code in purpose.bases_of(session.kind)}
    return visit.page(
        "signal_form.html",
        422 if errors else 200,
        typed=typed if correcting else _own(typed),
        errors=errors or {},
        correcting=correcting,
        purpose=title_in(purpose.title, speech),
        grounds=[(code, title_in(title, speech)) for code, title in purpose.grounds.items()],
        bases=[(code, title_in(law.title, speech)) for code, law in bases.items()],
        has=fields_of(purpose),
        platforms=[(one, one.title()) for one in PLATFORMS],
        handles=HANDLES,
        documents=DOCUMENTS,
        associates=ASSOCIATES,
        days=purpose.retention_days,
        deferral=None if purpose.informing is None else purpose.informing.deferral_days,
        contact=session.home.contact(),
    )


def _own(typed: Typed) -> Typed:
    """Return what somebody filled in, without the reference that was made for it."""
    made = typed.get("reference", ("",))[0].startswith(OWN_PREFIX)
    return {name: texts for name, texts in typed.items() if not (made and name == "reference")}


def fields_of(purpose: Purpose) -> frozenset[str]:
    """Return the fields about a person that make something which a purpose compares."""
    return frozenset(name for name, kind in _FIELD_KINDS.items() if KeyKind(kind) in purpose.key_kinds)


def _live_fields(visit: Visit, typed: Typed) -> list[str]:
    """Return the fields whose messages are refreshed: a question's form has the person's only."""
    purpose = visit.running.session.covenant.purposes.get(PurposeId(next(iter(typed.get("purpose", ())), "")))
    shown = () if purpose is None else tuple(sorted(fields_of(purpose)))
    people = ("given_names", "surname", "birth_date", "postcode", "house_number", "country")
    if visit.form.text("once"):
        return [*people, *shown]
    around = tuple(f"associate{n}.{name}" for n in range(1, ASSOCIATES + 1) for name in ASSOCIATE_FIELDS)
    return [*people, *shown, *around, "review_on"]


# --- Checking and adding ----------------------------------------------------------------------------------------------


def _settled(visit: Visit, typed: Typed, correcting: str) -> Typed:
    """Return what was filled in under the record's own reference: a correction's, or one made for it."""
    if correcting:
        _, before = _typed_before(visit, correcting)
        return {**typed, "reference": before["reference"], "purpose": before["purpose"]}
    if typed.get("reference"):
        return typed
    return {**typed, "reference": (f"{OWN_PREFIX}{uuid4().hex[:12]}",)}


def _errors(visit: Visit, typed: Typed, correcting: str = "") -> tuple[dict[str, str], Ready | None]:
    """Return what is wrong beside each field; what would be sent when nothing is."""
    session, speech = visit.running.session, visit.speech
    issues = [*value_issues(typed)]
    if not typed.get("case_reference"):
        issues.append(Issue("case_reference", "missing", ""))
    record, ready = record_of(typed), None
    judged = record if isinstance(record, Quarantined) else session.intake().judged(record)
    if isinstance(judged, Quarantined):
        issues += judged.reasons
    else:
        ready, issues = judged, [*issues, *judged.unused]
    errors = field_words(issues, speech)
    reference = next(iter(typed.get("reference", ())), "")
    if ready is not None and not correcting and _stands(visit, ready.record.purpose, reference):
        errors["reference"] = speech.gettext("You have a signal of this record already: correct that one.")
    return errors, None if errors else ready


def value_issues(typed: Typed) -> Iterator[Issue]:
    """Yield what is wrong with what was filled in about people, whatever else is still missing."""
    yield from pair_issues(typed)
    try:
        yield from normalise(of_people(typed)).issues
    except InputError as error:
        yield from error.issues


def _stands(visit: Visit, purpose: PurposeId, reference: str) -> bool:
    found = visit.running.session.vault.signals.find(reference)
    return any(one.purpose == purpose and standing_of(one, visit.now) is not Standing.ENDED for one in found)


def _add(visit: Visit, typed: Typed, ready: Ready) -> tuple[SignalId, bool]:
    """Put a record into the vault as a file's would be; returns its signal, and whether anything is new about it."""
    session, now, person = visit.running.session, visit.now, visit.person()
    vault, intake, record = session.vault, session.intake(), ready.record
    with vault.together():
        added = vault.signals.add([intake.signal(ready, now, person=person)], now)
        vault.typed_records.put(record.purpose, record.reference, typed)
    intake.mix([ready], added, now)
    newest = next(one for one in vault.signals.find(record.reference) if one.purpose == record.purpose)
    return newest.id, bool(added.new + added.changed)


def _typed_before(visit: Visit, signal: str) -> tuple[Kept, Typed]:
    """Return a signal, and its record as it was typed. Raises ``NotFoundError`` of one from elsewhere."""
    kept = find_kept(visit, signal)
    reference = Draft.from_bytes(kept.draft).reference
    typed = visit.running.session.vault.typed_records.get(kept.purpose, reference) if reference else None
    if typed is None:
        raise NotFoundError(Code.NOT_FOUND, "This record was not typed here: correct it in the system that it is of.")
    return kept, typed


def _preview(visit: Visit, typed: Typed, ready: Ready) -> Mapping[str, Any]:
    session, speech, now = visit.running.session, visit.speech, visit.now
    made, draft = session.intake().signal(ready, now), ready.draft
    kept = Kept(
        *(made.id, made.purpose, SignalState.NEW, None, made.draft),
        *(format_time(now), format_time(made.expires_at), None, None, None),
    )
    kind = PushKind(made.purpose, frozenset(key.kind for key in draft.keys), draft.urgency)
    found = preview(kind, session.me.id, session.engine, now)
    return {
        "typed": typed,
        "view": view_of(kept, 0, session.covenant, session.engine.rules, speech, now, name_of(typed)),
        "preview": preview_view(found, speech, made.expires_at),
    }
