# SPDX-License-Identifier: EUPL-1.2
"""Hits as a vault keeps them after they were verified, for tests of how they are told."""

from uuid import UUID

from agency_client.vault.hits import HitState, KeptHit
from protocol.ids import Epoch, HitId, KeyKind, PartyId, SignalId
from protocol.messages import Agreement, Counterpart, Evidence, Opening, Quality, Role
from protocol.notices import HitNotice
from tests.fakes.small_world import NOW, PURPOSE

EVIDENCE = Evidence(
    index=0, opening=Opening(record={}, record_salt=bytes(32), subject={}, subject_salt=bytes(32)), proof=()
)


def hit(quality: Quality, *kinds: str, agency: str | None = "care-linde", mine: Role = "subject") -> KeptHit:
    """Return a kept hit on these kinds."""
    return hit_of(quality, [(kind, mine, "subject") for kind in kinds], agency)


def hit_of(quality: Quality, agreed: list[tuple[str, Role, Role]], agency: str | None = "care-linde") -> KeptHit:
    """Return a kept hit on these kinds of these roles, ours first."""
    other = None if agency is None else Counterpart(agency=PartyId(agency), signal_id=SignalId(UUID(int=2)))
    notice = HitNotice(
        seq=1,
        at=NOW,
        hit_id=HitId(UUID(int=3)),
        my_signal=SignalId(UUID(int=1)),
        purpose=PURPOSE,
        epoch=Epoch(3),
        quality=quality,
        level="agency",
        urgency="normal",
        agreed=tuple(Agreement(kind=KeyKind(kind), my_role=mine, their_role=theirs) for kind, mine, theirs in agreed),
        counterpart=other,
        rule="rule",
        evidence=EVIDENCE,
    )
    return KeptHit(notice, HitState.LIVE, None, None)
