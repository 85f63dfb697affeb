# SPDX-License-Identifier: EUPL-1.2
"""Every kind of act of the outbox with what settles it; a new kind of act is one entry more.

Not here: what a settler is (``settling.py``).
"""

from collections.abc import Mapping
from typing import Final

from agency_client.settling import Settler
from agency_client.settling_changes import CHANGE_SEEN, EXTENSION, RESTRICTION
from agency_client.settling_disclosures import CANCELLATION, DECISION, RECEIPT, REQUEST
from agency_client.settling_follow_ups import ACKNOWLEDGEMENT, OUTCOME
from agency_client.settling_signals import INFORMING, OPENING, WITHDRAWAL
from agency_client.vault.outbox import PostingKind

SETTLERS: Final[Mapping[PostingKind, Settler]] = {
    PostingKind.WITHDRAWAL: WITHDRAWAL,
    PostingKind.OPENING: OPENING,
    PostingKind.INFORMING: INFORMING,
    PostingKind.ACKNOWLEDGEMENT: ACKNOWLEDGEMENT,
    PostingKind.OUTCOME: OUTCOME,
    PostingKind.RESTRICTION: RESTRICTION,
    PostingKind.EXTENSION: EXTENSION,
    PostingKind.CHANGE_SEEN: CHANGE_SEEN,
    PostingKind.DISCLOSURE_REQUEST: REQUEST,
    PostingKind.DISCLOSURE_DECISION: DECISION,
    PostingKind.DISCLOSURE_RECEIPT: RECEIPT,
    PostingKind.DISCLOSURE_CANCELLATION: CANCELLATION,
}
