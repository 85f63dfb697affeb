# SPDX-License-Identifier: EUPL-1.2
"""Which signals are past their time, and by which rule. Pure; the ending itself is ``withdrawal.py``'s."""

from datetime import datetime
from typing import Final

from broker.interfaces import StoredSignal
from protocol.covenant import Covenant
from protocol.ids import Epoch

EXPIRES_AT: Final = "expires-at"
EPOCH_OVER: Final = "epoch-over"
"""Nobody can make the pseudonyms of an epoch that is over, so a signal of it can never match again."""
BATCH: Final = 200
"""Signals ended in one transaction: short locks, and seldom more due at a time."""


def oldest_live_epoch(covenant: Covenant, now: datetime) -> Epoch:
    """Return the lowest epoch that is live."""
    return min(covenant.live_epochs(now))


def rule_of(signal: StoredSignal, now: datetime) -> str:
    """Return what ended this signal."""
    return EXPIRES_AT if signal.expires_at <= now else EPOCH_OVER
