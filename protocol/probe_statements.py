# SPDX-License-Identifier: EUPL-1.2
"""What an agency tells the other of a pair about their probes, as a signed file: which it pushed, and which it did not.

A pushed one comes with its registration's place in the log and opening, which whoever reads it proves for itself. So a
hit that stays away is put down to the broker only when the log has both signals. Spec: ``spec/probes.md``.
Not here: what the file leads to (``agency_client/probe_exchange.py``).
"""

import json
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field, model_validator

from protocol.encoding import canonical_json
from protocol.errors import AuthenticationError, Code, VerificationError
from protocol.messages import Bytes64, KeyName, Kind, LogIndex, Message, Opening, Party, Time
from protocol.probes import ProbeId
from protocol.signing import KeyDirectory, Signer, sign_statement, verify_statement

MAX_CLAIMS: Final = 1_000
"""Probes of one file: a pair's of some years at one a week."""
MAX_FILE: Final = 8 << 20
"""Bytes of a file: an opening with the tag digests of twenty keys is some 2 kB."""
_STATEMENT: Final = "probe-statement"


class Registration(Message):
    """The log's entry of a signal that was pushed as a probe, and the kinds of key in it on which both must agree."""

    index: LogIndex
    opening: Opening
    kinds: Annotated[tuple[Kind, ...], Field(strict=False, min_length=1, max_length=100)]


class ProbeClaim(Message):
    """One probe: pushed, or let pass when ``registration`` is absent."""

    week: Annotated[int, Field(ge=0, lt=2**32)]
    number: Annotated[int, Field(ge=0, lt=2**32)]
    registration: Registration | None = None

    @property
    def id(self) -> ProbeId:
        """Which probe of the pair."""
        return ProbeId(self.week, self.number)


class ProbeStatement(Message):
    """``by`` tells ``to`` what it did of their probes."""

    by: Party
    to: Party
    made_at: Time
    claims: Annotated[tuple[ProbeClaim, ...], Field(strict=False, max_length=MAX_CLAIMS)]

    @model_validator(mode="after")
    def _distinct(self) -> "ProbeStatement":
        if self.by == self.to or len({one.id for one in self.claims}) != len(self.claims):
            raise ValueError("two agencies, and each probe once")
        return self


class SignedProbeStatement(Message):
    """A statement with its maker's signature (signing.py: label ``probe-statement``)."""

    statement: ProbeStatement
    key_id: KeyName
    signature: Bytes64

    @staticmethod
    def of(statement: ProbeStatement, signer: Signer) -> "SignedProbeStatement":
        """Sign a statement."""
        signature = sign_statement(signer, _STATEMENT, _bytes(statement))
        return SignedProbeStatement(statement=statement, key_id=signer.key_id, signature=signature)

    def verified(self, directory: KeyDirectory, now: datetime) -> ProbeStatement:
        """Return the statement when its maker signed it. Raises ``VerificationError`` (``signature_invalid``)."""
        try:
            entry = directory.lookup(self.key_id, now)
            verify_statement(entry.key, _STATEMENT, _bytes(self.statement), self.signature)
        except (AuthenticationError, VerificationError):
            raise _invalid("The statement's signature does not hold.") from None
        if entry.party != self.statement.by:
            raise _invalid("The statement is signed by another than it says.")
        return self.statement


def _bytes(statement: ProbeStatement) -> bytes:
    return canonical_json(json.loads(statement.to_json()))


def _invalid(detail: str) -> VerificationError:
    return VerificationError(Code.SIGNATURE_INVALID, detail, hint="Ask the other agency for a new file.")
