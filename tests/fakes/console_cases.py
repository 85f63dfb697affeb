# SPDX-License-Identifier: EUPL-1.2
"""Agencies that know the same people: real signals, real hits, verified by the console's own client.

Not here: the console (``console_world.py``), the broker and key-holders (``small_world.py``).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from agency_client.draft import Draft, DraftKey
from agency_client.submit import UUID_RANDOM, signal_id
from agency_client.vault.adding import NewSignal
from protocol.group import random_bytes
from protocol.ids import KeyKind, PurposeId
from protocol.messages import PartName
from tests.fakes.agency import CONTACT, Client, make_client
from tests.fakes.small_world import NOW, PURPOSE, World

Keys = Sequence[tuple[str, str]]
PHONE: Keys = (("phone", "+31612345678"),)
PERSON: Keys = (
    ("phone", "+31612345678"),
    ("name-dob", "jan|jansen|1999-04-01"),
    ("sound-dob", "jn|jnsn|1999-04-01"),
    ("initial-sound-dob", "j|jnsn|1999-04-01"),
)
"""A phone number, and a name with a birth date."""


def record(
    reference: str,
    keys: Keys,
    *,
    case: str | None = None,
    contact: Mapping[str, str] = CONTACT,
    content: Mapping[str, str] | None = None,
    purpose: PurposeId = PURPOSE,
    basis: str = "legal-duty",
) -> NewSignal:
    """Return a record on its way, with contact and content."""
    parts: dict[PartName, Mapping[str, str]] = {"contact": contact}
    if content:
        parts["content"] = content
    draft = Draft(
        reference,
        case or f"case of {reference}",
        ("exploits-or-recruits",),
        basis,
        tuple(DraftKey(KeyKind(kind), "subject", form) for kind, form in keys),
        parts,
    )
    made = signal_id(NOW, random_bytes(UUID_RANDOM))
    return NewSignal(made, purpose, reference, draft.to_bytes(), NOW + timedelta(days=90))


async def signalled(client: Client, *records: NewSignal) -> None:
    """Have a client send records."""
    client.vault.signals.add(records, NOW)
    assert await client.send() is None


async def others(folder: Path, world: World, *records: NewSignal, agency: str = "care-linde") -> Client:
    """Have another agency signal; return its client, open."""
    client = make_client(folder / agency, world, agency)
    await signalled(client, *records)
    return client
