# SPDX-License-Identifier: EUPL-1.2
"""Ask: is this person known elsewhere? With a reason and a case; logged, told to who knows the person, and not kept.

A question is never repeated by itself: a form that is sent twice asks once. Not here: asking itself
(``agency_client/ask.py``), the answer's words (``ask_views.py``).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final
from uuid import uuid4

from fastapi import Depends, FastAPI, Response

from agency_client.ask import question_of, require_allowed
from agency_client.budgets import known_budgets
from agency_client.console.ask_views import answer_view, budget_of_purpose
from agency_client.console.issue_words import WHOLE, field_words
from agency_client.console.previews import title_in
from agency_client.console.reasons import ReasonForm, options
from agency_client.console.refusals import detail_said
from agency_client.console.screen import Screen
from agency_client.console.signal_form import fields_of, value_issues
from agency_client.console.signal_record import DOCUMENTS, HANDLES, Typed, person_of, typed_of
from agency_client.console.visits import House, Visit
from protocol.errors import Code, InputError, RefusedError, UnavailableError, VerificationError
from protocol.handles import PLATFORMS
from protocol.ids import PurposeId

_REMEMBERED: Final = 1_000
"""Forms that were sent lately, so that none asks twice: more than an agency's people fill in between two restarts."""


@dataclass(slots=True)
class _Once:
    """Which forms were sent already; in memory only, and nothing of their content."""

    sent: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def take(self, name: str) -> bool:
        """Return whether this form is sent for the first time, and remember it."""
        if not name or name in self.sent:
            return False
        self.sent[name] = None
        while len(self.sent) > _REMEMBERED:
            self.sent.popitem(last=False)
        return True


def add_ask(app: FastAPI, house: House) -> None:
    """Add the screen's routes."""
    enter = Annotated[Visit, Depends(house.visit("coordinator"))]
    once = _Once()

    @app.get("/ask", include_in_schema=False)
    async def begin(visit: enter) -> Response:
        purposes = _purposes(visit)
        chosen = next((one for one in purposes if one == visit.request.query_params.get("purpose")), None)
        if chosen is None and len(purposes) == 1:
            chosen = purposes[0]
        if chosen is None:
            covenant = visit.running.session.covenant
            titles = [(name, covenant.purpose(name)) for name in purposes]
            return visit.page(
                "ask_purpose.html",
                purposes=[
                    (name, title_in(one.title, visit.speech), title_in(one.explanation, visit.speech))
                    for name, one in titles
                ],
            )
        return await _form(visit, chosen, {}, ReasonForm())

    @app.post("/ask", include_in_schema=False)
    async def ask(visit: enter) -> Response:
        purpose = next((one for one in _purposes(visit) if one == visit.form.text("purpose")), None)
        if purpose is None:
            raise RefusedError(Code.POLICY_REFUSED, "Your kind of agency does not ask under this purpose.")
        typed, why = typed_of(visit.form), ReasonForm.read(visit.form, visit.running.session.covenant, visit.speech)
        errors = {**why.errors, **field_words(value_issues(typed), visit.speech)}
        if errors:
            return await _form(visit, purpose, typed, why, errors)
        if not once.take(visit.form.text("once")):
            said = visit.speech.gettext("This question was sent before. Asking again is another question, in the log.")
            return await _form(visit, purpose, typed, why, {WHOLE: said})
        return await _ask(visit, purpose, typed, why)


async def _ask(visit: Visit, purpose: PurposeId, typed: Typed, why: ReasonForm) -> Response:
    session, online, speech = visit.running.session, visit.running.online, visit.speech
    try:
        question = question_of(person_of(typed), purpose, why.justification(session.covenant, speech), session.covenant)
        answered = await online.asking.ask(question, visit.person())
    except InputError:
        said = speech.gettext("Nothing that you filled in is compared under this purpose.")
        return await _form(visit, purpose, typed, why, {WHOLE: said})
    except RefusedError as error:
        said = detail_said(error, speech)
        if error.code is Code.BUDGET_EXHAUSTED:
            said = speech.gettext("Nothing was asked: today's budget for this purpose is used up.")
        return await _form(visit, purpose, typed, why, {WHOLE: said})
    except UnavailableError as error:
        said = speech.gettext(
            "There is no answer: the broker or the key-holders cannot be reached now. If the question arrived, it "
            "stands in the log; asking again is another question."
        )
        return await _form(visit, purpose, typed, why, {WHOLE: said}, code=error.code)
    except VerificationError as error:
        said = speech.gettext("The answer does not hold, so that nothing of it is shown. Tell your operator.")
        return await _form(visit, purpose, typed, why, {WHOLE: said}, code=error.code)
    cosigned = await asyncio.to_thread(online.trail.last)
    return visit.page(
        "ask_answer.html",
        answer=answer_view(answered, session.covenant, speech),
        confirmed=0 if cosigned is None else len(cosigned.cosigners),
        witnesses=len(session.covenant.key_holders),
        case=why.case,
        at=speech.moment(answered.at, visit.now),
    )


def _purposes(visit: Visit) -> list[PurposeId]:
    """Return the purposes under which this agency may ask, as its own covenant decides."""
    session = visit.running.session
    found = []
    for name, purpose in session.covenant.purposes.items():
        if session.kind not in purpose.kinds_that("query"):
            continue
        try:
            require_allowed(session.me.id, name, (), session.engine, visit.now)
        except RefusedError:
            continue
        found.append(name)
    return found


async def _form(
    visit: Visit,
    purpose: PurposeId,
    typed: Typed,
    why: ReasonForm,
    errors: Mapping[str, str] | None = None,
    code: str = "",
) -> Response:
    session, speech = visit.running.session, visit.speech
    agreed = session.covenant.purpose(purpose)
    known = await asyncio.to_thread(known_budgets, session.vault.evidence, visit.now)
    return visit.page(
        "ask.html",
        422 if errors else 200,
        purpose=purpose,
        title=title_in(agreed.title, speech),
        typed=typed,
        why=why,
        errors=errors or {},
        code=code,
        reasons=options(session.covenant, speech),
        has=fields_of(agreed),
        platforms=[(one, one.title()) for one in PLATFORMS],
        handles=HANDLES,
        documents=DOCUMENTS,
        budget=budget_of_purpose(known, purpose, speech, visit.now),
        per_day=agreed.budget_per_day,
        once=uuid4().hex,
    )


ASK: Final = Screen("ask", "Ask", frozenset({"coordinator"}), add_ask)
