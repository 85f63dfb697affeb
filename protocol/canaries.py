# SPDX-License-Identifier: EUPL-1.2
"""What a supervisor and the agency that lends its name to canaries hand each other, as files: no tags, no persons.

Both are signed and bound to the other's name. Spec: ``spec/canaries.md``. Not here: the canary on the wire
(``messages.Signal.cover``), what either side refuses (``agency_client/canary_lending.py``).
"""

import json
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field, model_validator

from protocol.covenant import Covenant
from protocol.encoding import canonical_json
from protocol.envelope import PartContext, signal_statement
from protocol.errors import AuthenticationError, Code, VerificationError
from protocol.ids import Epoch, PartyId, PurposeId, SignalId
from protocol.messages import (
    MAX_SIGNALS,
    Bytes32,
    Bytes64,
    EpochNumber,
    KeyName,
    Level,
    Message,
    PartName,
    Party,
    Purpose,
    Time,
)
from protocol.questions import Plant
from protocol.signing import KeyDirectory, Signer, sign_statement, verify_message, verify_statement

_REQUEST: Final = "canary-request"
PLANTER_LEVEL: Final[Level] = "agency"
"""What a planter is told of whoever touches a canary: enough to ask that agency why. The contact and content that it
sealed are about a person, whom the planter has no business with."""
_DAY: Final = timedelta(days=1)


def still_planting(
    covenant: Covenant, planter: PartyId, cover: PartyId, purpose: PurposeId, epoch: Epoch, now: datetime
) -> Plant:
    """Return the question whether a planter may plant under this cover now: only then is it told who touches one.

    What was agreed when a canary was planted is not asked again: a ground, a basis and a day of today stand for them.
    """
    agreed, agency = covenant.purposes.get(purpose), covenant.find(cover)
    bases = () if agreed is None or agency is None else agreed.bases_of(covenant.kind_of(cover))
    return Plant(
        agency=planter,
        cover=cover,
        purpose=purpose,
        epoch=epoch,
        now=now,
        grounds=() if agreed is None else tuple(agreed.grounds)[:1],
        basis=next(iter(bases), ""),
        kinds=(),
        expires_at=now + _DAY,
    )


class CanaryStatement(Message):
    """One canary as its cover sees it: an id, and digests of sealed parts."""

    id: Annotated[SignalId, Field(strict=False)]
    purpose: Purpose
    epoch: EpochNumber
    part_digests: Annotated[dict[PartName, Bytes32], Field(max_length=2)]

    def signed_bytes(self, cover: PartyId) -> bytes:
        """Return what the cover signs: just what it signs for a signal of its own."""
        return signal_statement(PartContext(self.id, cover, self.purpose, self.epoch), self.part_digests)


class CanaryRequest(Message):
    """A supervisor asks ``cover`` to lend its name."""

    planter: Party
    cover: Party
    made_at: Time
    statements: Annotated[tuple[CanaryStatement, ...], Field(strict=False, min_length=1, max_length=MAX_SIGNALS)]

    @model_validator(mode="after")
    def _distinct(self) -> "CanaryRequest":
        if len({one.id for one in self.statements}) != len(self.statements):
            raise ValueError("each canary once")
        return self


class SignedCanaryRequest(Message):
    """A request with its planter's signature (signing.py: label ``canary-request``)."""

    request: CanaryRequest
    key_id: KeyName
    signature: Bytes64

    @staticmethod
    def of(request: CanaryRequest, signer: Signer) -> "SignedCanaryRequest":
        """Sign a request."""
        return SignedCanaryRequest(
            request=request, key_id=signer.key_id, signature=sign_statement(signer, _REQUEST, _bytes(request))
        )

    def verified(self, directory: KeyDirectory) -> CanaryRequest:
        """Return the request when its planter signed it. Raises ``VerificationError`` (``signature_invalid``)."""
        try:
            entry = directory.lookup(self.key_id, self.request.made_at)
            verify_statement(entry.key, _REQUEST, _bytes(self.request), self.signature)
        except (AuthenticationError, VerificationError):
            raise _invalid("The request's signature does not hold.") from None
        if entry.party != self.request.planter:
            raise _invalid("The request is signed by another than it says.")
        return self.request


class LentSignature(Message):
    """The cover's signature for one canary."""

    id: Annotated[SignalId, Field(strict=False)]
    signature: Bytes64


class LentName(Message):
    """What the cover gives back."""

    planter: Party
    cover: Party
    key_id: KeyName
    signatures: Annotated[tuple[LentSignature, ...], Field(strict=False, min_length=1, max_length=MAX_SIGNALS)]


def lend(request: CanaryRequest, signer: Signer) -> LentName:
    """Sign every statement of a request with the cover's ordinary key."""
    signed = tuple(
        LentSignature(id=one.id, signature=signer.sign(one.signed_bytes(request.cover))) for one in request.statements
    )
    return LentName(planter=request.planter, cover=request.cover, key_id=signer.key_id, signatures=signed)


def require_lent(statement: CanaryStatement, cover: PartyId, key: bytes, signature: bytes) -> None:
    """Pass when the cover signed this statement. Raises ``VerificationError`` (``signature_invalid``)."""
    verify_message(key, statement.signed_bytes(cover), signature)


def _bytes(request: CanaryRequest) -> bytes:
    return canonical_json(json.loads(request.to_json()))


def _invalid(detail: str) -> VerificationError:
    return VerificationError(Code.SIGNATURE_INVALID, detail, hint="Ask the supervisor for a new file.")
