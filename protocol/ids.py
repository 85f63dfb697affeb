# SPDX-License-Identifier: EUPL-1.2
"""Small types for identities, so that no function takes a bare string by accident.

Not here: how the ids look on the wire (``messages.py`` bounds them).
"""

from typing import NewType
from uuid import UUID

PartyId = NewType("PartyId", str)
"""An agency, key-holder or broker, as the covenant names it: ``police-oost``."""

PurposeId = NewType("PurposeId", str)
"""A purpose of the covenant: ``offender-prevention``."""

Epoch = NewType("Epoch", int)
"""Number of whole epoch lengths since 2026-01-01T00:00Z; 0 or more, below 2**32."""

HolderIndex = NewType("HolderIndex", int)
"""A key-holder's place among the n, counted from 1."""

KeyKind = NewType("KeyKind", str)
"""What a match key is made of: ``phone``, ``name-birthdate``; the list is in ``normalise.py``."""

SignalId = NewType("SignalId", UUID)
"""UUIDv7 made by the agency client; the same for every retry of the same signal."""

HitId = NewType("HitId", UUID)
"""Made by the broker from the two signal ids, so that both orders give the same hit."""

DisclosureId = NewType("DisclosureId", UUID)
"""UUIDv7 of a request for more than a hit tells, made by the client that asks."""

AnswerId = NewType("AnswerId", UUID)
"""UUIDv7 of one prepared answer to such a request, made by the client that answers."""

KeyId = NewType("KeyId", str)
"""Names a public signing key in the covenant: ``police-oost:1``."""
