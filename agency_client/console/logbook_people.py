# SPDX-License-Identifier: EUPL-1.2
"""The logbook's part about people: citizens who asked what is known of them, and whom could be told of a signal.

The answer to a citizen is downloaded and never written to a disk here. Not here: collecting (``subject_search.py``),
what is answered (``subject_report.py``), deciding on telling (``informing.py``).
"""

import asyncio
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Response

from agency_client.ask_person import person_of
from agency_client.console.issue_words import field_of, words_of
from agency_client.console.languages import N_, Speech
from agency_client.console.logbook_asking import day_of
from agency_client.console.refusals import detail_said, hint_said
from agency_client.console.visits import House, Visit
from agency_client.informing import Review, reviews
from agency_client.subject_files import RECEIPTS, receipt_files, report_files
from agency_client.subject_law import GROUNDS
from agency_client.subject_person import Sought, sought_of
from agency_client.subject_report import SubjectReport, build, redact
from agency_client.subject_search import Collected, scope_of
from agency_client.subject_showing import clock_of
from agency_client.vault.subject_requests import CitizenRequest, RequestStep
from edge.languages import LANGS, say
from protocol.encoding import lp
from protocol.errors import InputError, NotFoundError, RefusedError, SluisError, UnavailableError
from protocol.ids import HitId, PurposeId
from protocol.informing import InformingReview
from protocol.messages import Justification

PERSON: Final = (
    ("given_names", N_("Given names")),
    ("surname_prefix", N_("Prefix of the surname")),
    ("surname", N_("Surname")),
    ("birth_date", N_("Date of birth")),
    ("postcode", N_("Postcode")),
    ("house_number", N_("House number")),
    ("bsn", N_("BSN")),
    ("v_number", N_("V-number")),
    ("skn", N_("SKN")),
    ("phones", N_("Telephone numbers, with ; between them")),
    ("emails", N_("E-mail addresses, with ; between them")),
    ("ibans", N_("Bank accounts, with ; between them")),
)
"""Fields of a person, by the names of a mapping, and what the form calls them."""
_CODE: Final = "access-request"
_REVIEWS: Final = timedelta(days=60)
"""Reviews further off are nobody's work yet."""
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A citizen who waits for an answer."""

    case: str = field(repr=False)
    received: date
    due: datetime
    reports: int


@dataclass(frozen=True, slots=True)
class Filled:
    """The form of a request, read."""

    fields: Mapping[str, str] = field(repr=False)
    errors: Mapping[str, str]
    sought: Sought | None = field(default=None, repr=False)
    why: Justification | None = None
    received: date | None = None
    refused: Mapping[PurposeId, str] = field(default_factory=dict)


def open_requests(visit: Visit) -> list[OpenRequest]:
    """Return the citizens who wait, the most pressing first."""
    session, today = visit.running.session, visit.now.date()
    found = [
        OpenRequest(one.case, one.received, _end_of(clock_of(one, today).answer_before), one.reports)
        for one in session.vault.subject_requests.all()
        if one.is_open
    ]
    return sorted(found, key=lambda one: (one.due, one.case))


def grounds(visit: Visit) -> list[tuple[str, str]]:
    """Return the grounds on which the law lets an answer be refused, with their words."""
    return [(code, f"{say(one.said, visit.speech.lang)} ({one.law})") for code, one in GROUNDS.items()]


def add_people(app: FastAPI, house: House) -> None:
    """Add the routes."""
    enter = Annotated[Visit, Depends(house.visit("privacy-officer"))]

    @app.get("/logbook/requests/new", include_in_schema=False)
    async def blank(visit: enter) -> Response:
        return _form(visit, Filled({"received": visit.now.date().isoformat()}, {}))

    @app.post("/logbook/requests/new", include_in_schema=False)
    async def collect(visit: enter) -> Response:
        return await _collect(visit)

    @app.post("/logbook/requests/step", include_in_schema=False)
    async def step(visit: enter) -> Response:
        return _step(visit)

    @app.get("/logbook/reviews", include_in_schema=False)
    async def listed(visit: enter) -> Response:
        return await _reviews(visit, {}, "")

    @app.post("/logbook/reviews", include_in_schema=False)
    async def reviewed(visit: enter) -> Response:
        return await _reviewed(visit)


# --- Citizens' requests -----------------------------------------------------------------------------------------------


def _form(visit: Visit, filled: Filled) -> Response:
    session, lang = visit.running.session, visit.speech.lang
    covenant = session.covenant
    scope = scope_of(session.me.id, session.engine, visit.now)
    return visit.page(
        "logbook_request.html",
        422 if filled.errors else 200,
        fields=filled.fields,
        errors=filled.errors,
        person=PERSON,
        today=visit.now.date().isoformat(),
        answered=[(one, str(getattr(covenant.purpose(one).title, lang))) for one in scope.answered],
        grounds=grounds(visit),
    )


def _filled(visit: Visit) -> Filled:
    tell, text = visit.speech.gettext, visit.form.text
    scope = scope_of(visit.running.session.me.id, visit.running.session.engine, visit.now)
    names = ["case", "reason", "received", "refuse_reason", *(name for name, _ in PERSON)]
    names += [f"refuse-{purpose}" for purpose in scope.answered]
    fields, errors = {name: text(name) for name in names}, {}
    for name in ("case", "reason"):
        if not fields[name]:
            errors[name] = tell(N_("Fill this in: it stands in the log. No names."))
    received = day_of(fields["received"])
    if received is None or received > visit.now:
        errors["received"] = tell(N_("Give the day on which the request came, today or before."))
    refused = {one: fields[f"refuse-{one}"] for one in scope.answered if fields[f"refuse-{one}"] in GROUNDS}
    if refused and not fields["refuse_reason"]:
        errors["refuse_reason"] = tell(N_("Say why something is left out. It is kept here, sealed."))
    sought = None
    try:
        sought = sought_of(person_of({name: [fields[name]] for name, _ in PERSON}))
    except InputError as error:
        errors["person"] = " ".join((detail_said(error, visit.speech), *_wrong(error, visit.speech)))
    if errors or received is None:
        return Filled(fields, errors)
    why = Justification(code=_CODE, text=fields["reason"][:500], case_reference=fields["case"][:100])
    return Filled(fields, {}, sought, why, received.date(), refused)


def _wrong(error: InputError, speech: Speech) -> Iterator[str]:
    labels = dict(PERSON)
    for one in error.issues:
        name = field_of(one.location)
        yield f"{speech.gettext(labels[name]) if name in labels else name}: {words_of(one, speech)}"


async def _collect(visit: Visit) -> Response:
    filled = _filled(visit)
    if filled.sought is None or filled.why is None or filled.received is None:
        return _form(visit, filled)
    session, case = visit.running.session, filled.why.case_reference
    register, about = session.vault.subject_requests, [lp(kind) + lp(form) for kind, form in filled.sought.forms]
    try:
        register.receive(case, filled.received, about, visit.now)
        collected = await visit.running.online.subjects.collect(filled.sought, filled.why, visit.person())
    except SluisError as error:
        # What was typed is somebody's person: it is not lost because the broker is away or the case is another's.
        return _form(
            visit,
            Filled(
                filled.fields, {"form": f"{detail_said(error, visit.speech)} {hint_said(error, visit.speech)}".strip()}
            ),
        )
    full = await asyncio.to_thread(_report, visit, collected, register.find(case), filled.refused)
    raw = await asyncio.to_thread(_archive, visit, full, collected)
    said = {"refused": {str(one): ground for one, ground in filled.refused.items()},
            "reason": filled.fields["refuse_reason"] or None}  # fmt: skip
    register.put(case, RequestStep.REPORTED, said, visit.now)
    return Response(
        raw,
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="sluis-{full.place}.zip"'},
    )


def _report(
    visit: Visit, collected: Collected, request: CitizenRequest, refused: Mapping[PurposeId, str]
) -> SubjectReport:
    session = visit.running.session
    hits = {HitId(kept.id): kept for signal in collected.own for kept in session.vault.hits.of_signal(signal)}
    return build(
        collected,
        hits,
        agency=session.me.id,
        case=request.case,
        clock=clock_of(request, visit.now.date()),
        covenant_version=session.covenant.version,
        refused=refused,
    )


def _archive(visit: Visit, full: SubjectReport, collected: Collected) -> bytes:
    session = visit.running.session
    files = {**report_files(full, session.covenant, LANGS), **report_files(redact(full), session.covenant, LANGS)}
    files |= {f"{RECEIPTS}/{name}": content for name, content in receipt_files(collected.checked).items()}
    for sha256 in sorted(collected.versions):
        try:
            files[f"{RECEIPTS}/covenant-{sha256[:12]}.json"] = session.trust.kept_bundle(sha256)
        except NotFoundError:
            # Who checks without it is told which version is missing; the board has all of them.
            continue
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def _step(visit: Visit) -> Response:
    form, register = visit.form, visit.running.session.vault.subject_requests
    case, what, reason = form.text("case"), form.text("step"), form.text("reason")
    if what == "answered":
        register.put(case, RequestStep.ANSWERED, {}, visit.now)
        return visit.see("/logbook", "answered")
    if not reason:
        return visit.see("/logbook", "no-reason")
    until = day_of(form.text("until"))
    if what == "refused" and form.text("ground") in GROUNDS:
        said = {"ground": form.text("ground"), "reason": reason}
        register.put(case, RequestStep.REFUSED, said, visit.now)
        return visit.see("/logbook", "refused")
    if what == "extended" and until is not None and until.date() > register.find(case).received:
        register.put(case, RequestStep.EXTENDED, {"until": until.date().isoformat(), "reason": reason}, visit.now)
        return visit.see("/logbook", "extended")
    return visit.see("/logbook", "no-choice")


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59), UTC)


# --- Telling people that they are signalled about ---------------------------------------------------------------------


async def _reviews(visit: Visit, fields: Mapping[str, str], wrong: str) -> Response:
    session = visit.running.session
    found: list[Review] = await asyncio.to_thread(reviews, session.vault, session.covenant, visit.now, _REVIEWS)
    titles = {name: str(getattr(one.title, visit.speech.lang)) for name, one in session.covenant.purposes.items()}
    return visit.page(
        "logbook_reviews.html",
        422 if wrong else 200,
        rows=[(one, _end_of(one.due), titles.get(one.signal.purpose, one.signal.purpose)) for one in found[:_SHOWN]],
        more=max(0, len(found) - _SHOWN),
        fields=fields,
        wrong=wrong,
        today=visit.now.date().isoformat(),
    )


async def _reviewed(visit: Visit) -> Response:
    names = ("signal", "decided", "until", "case", "reason", "approver")
    tell, fields = visit.speech.gettext, {name: visit.form.text(name) for name in names}
    day = day_of(fields["until"])
    if not fields["case"] or not fields["reason"] or not fields["approver"]:
        return await _reviews(visit, fields, tell(N_("Give a case, a reason and who decided.")))
    if fields["decided"] not in ("informed", "deferred") or (fields["decided"] == "deferred" and day is None):
        return await _reviews(visit, fields, tell(N_("Say that the person was told, or until which day it waits.")))
    session, deferred = visit.running.session, fields["decided"] == "deferred"
    why = Justification(code="informing-review", text=fields["reason"][:500], case_reference=fields["case"][:100])
    decided = InformingReview(
        status="deferred" if deferred else "informed",
        review_on=day.date() if deferred and day is not None else None,
        approver=session.person(fields["approver"]),
        justification=why,
    )
    online = visit.running.online
    try:
        await online.informing.decide(online.acts.find_signal(fields["signal"]), decided, visit.person())
    except RefusedError as error:
        return await _reviews(visit, fields, detail_said(error, visit.speech))
    except UnavailableError:
        return visit.see("/logbook/reviews", "later")
    return visit.see("/logbook/reviews", "entered")
