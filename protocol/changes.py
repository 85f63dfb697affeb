# SPDX-License-Identifier: EUPL-1.2
"""What an agency changes about a signal that stands, and what whoever was told of it answers.

Restricting (GDPR 18, LED 16): the signal stays, and is neither matched nor shown until it is lifted. Extending: it
lives on, for a reason, so often and so long as the purpose allows (law.md D-7). Who was told of what is gone or
restricted says so when it has erased or hidden it (law.md D-6). Spec: ``spec/changes.md``.
Not here: taking back and correcting (``messages.WithdrawalRequest``, ``Signal.supersedes``).
"""

from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from protocol.covenant_purposes import Purpose
from protocol.messages import CodeText, Justification, Message, Time

Change: TypeAlias = Literal["withdrawn", "restricted"]
"""What recipients answer: they no longer show what they were told."""


class Restriction(Message):
    """``POST /v1/signals/{id}/restriction``: from now on it is, or is no longer, restricted."""

    restricted: bool
    reason: CodeText


class Extension(Message):
    """``POST /v1/signals/{id}/extension``: it lives until ``expires_at``."""

    expires_at: Time
    justification: Justification


class ChangeSeen(Message):
    """``POST /v1/notices/{seq}/acknowledgement``: what this notice says is gone or restricted is not shown here."""

    change: Change


def may_live_until(expires_at: datetime, standing: datetime, purpose: Purpose, now: datetime) -> bool:
    """Say whether a signal that lives until ``standing`` may live until then: longer, and within the retention."""
    return standing < expires_at <= now + timedelta(days=purpose.retention_days)
