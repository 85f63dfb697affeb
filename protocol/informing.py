# SPDX-License-Identifier: EUPL-1.2
"""Looking again at whether a person can be told of a signal: the message, and how long it may be put off.

Spec: ``spec/subject-access.md``. Not here: the purpose's own days and ages (``covenant_purposes.Informing``), whether a
new signal's deferral is allowed (the rules, by ``facts.py``; the bound is the same).
"""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from protocol.covenant_purposes import Informing
from protocol.messages import Justification, Message

Approver = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:~-]{1,128}$")]


class InformingReview(Message):
    """``POST /v1/signals/{id}/informing``: the person was told, or it is put off again until ``review_on``."""

    status: Literal["informed", "deferred"]
    review_on: Annotated[date | None, Field(strict=False)] = None
    approver: Approver
    """The agency's own opaque reference to who decided (law.md M-3)."""
    justification: Justification

    @model_validator(mode="after")
    def _dated(self) -> "InformingReview":
        if (self.status == "deferred") != (self.review_on is not None):
            raise ValueError("a deferral has a day of review, and only a deferral")
        return self


def may_wait_until(review_on: date, informing: Informing | None, now: datetime) -> bool:
    """Say whether telling the person may be put off until this day: a day to come, within the purpose's bound."""
    if informing is None:
        return False
    return now.date() < review_on <= (now + timedelta(days=informing.deferral_days)).date()
