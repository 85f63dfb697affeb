# SPDX-License-Identifier: EUPL-1.2
"""The citizen of a request: match keys, own signals that carry them, and own proven entries that are about them.

The vault has every draft with its match keys in plain text, so that own signals are found whatever their epoch: also
when its keys are gone and no pseudonym can be made any more. Whether a key is the subject's or somebody's around the
subject is told apart, since only the vault knows. Nothing leaves here. Not here: pseudonyms and asking
(``subject_search.py``).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from agency_client.draft import Draft
from agency_client.vault import Vault
from agency_client.vault.signals import Kept
from protocol.commitments import open_entry
from protocol.errors import Issue
from protocol.events import Event, NoticeIssued
from protocol.ids import HitId, KeyKind, PartyId, PurposeId, SignalId
from protocol.keys import MatchKey, quality_of
from protocol.messages import Quality, Role
from protocol.normalise import Person, Record, normalise

PAGE: Final = 500
"""Signals read from the vault at a time."""
_ROLES: Final[tuple[Role, ...]] = ("subject", "associate")


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom a request is about; ``unused`` says which values are no use."""

    keys: tuple[MatchKey, ...] = field(repr=False)
    unused: tuple[Issue, ...] = ()

    @property
    def forms(self) -> frozenset[tuple[KeyKind, str]]:
        """Kind and normal form of every key."""
        return frozenset((key.kind, key.normal_form) for key in self.keys)


@dataclass(frozen=True, slots=True)
class OwnSignal:
    """A signal of this agency that carries keys of the person: in which role, and how sure it is the same person."""

    kept: Kept
    draft: Draft = field(repr=False)
    role: Role
    sure: Quality


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """An entry that the log proved to this agency before."""

    place: int
    event: Event


def sought_of(person: Person) -> Sought:
    """Return the person's match keys. Raises ``InputError`` (``invalid_identifier``) when nothing can be compared."""
    found = normalise(Record(person))
    return Sought(found.keys, found.issues)


def own_signals(vault: Vault, sought: Sought) -> dict[SignalId, OwnSignal]:
    """Return the signals of this vault that carry keys of the person, of whatever epoch and state."""
    found: dict[SignalId, OwnSignal] = {}
    last = 0
    while page := vault.signals.page(last, PAGE):
        last = page[-1][0]
        for _, kept in page:
            if vault.canaries.cover_of(kept.id) is not None:
                continue
            draft = Draft.from_bytes(kept.draft)
            for role, sure in _worth(draft, sought.forms):
                found.setdefault(kept.id, OwnSignal(kept, draft, role, sure))
    return found


def _worth(draft: Draft, forms: Collection[tuple[KeyKind, str]]) -> list[tuple[Role, Quality]]:
    """Return in which roles the person stands in a draft, the subject first."""
    found = []
    for role in _ROLES:
        kinds = [key.kind for key in draft.keys if key.role == role and (key.kind, key.normal_form) in forms]
        quality = quality_of(kinds)
        if quality is not None:
            found.append((role, quality))
    return found


def known_entries(
    vault: Vault, signals: Collection[SignalId], digests: Collection[bytes], purposes: Collection[PurposeId]
) -> list[KnownEntry]:
    """Return the entries proven before that are about these signals or digests, or about a hit with one of them."""
    opened = [(place, open_entry(opening).event) for place, opening in vault.evidence.openings()]
    hits = hits_of((event for _, event in opened), signals, None)
    return [
        KnownEntry(place, event)
        for place, event in opened
        if concerns(event, signals, digests, hits) and event.act.purpose in {None, *purposes}
    ]


def hits_of(events: Iterable[Event], signals: Collection[SignalId], receiver: PartyId | None) -> frozenset[HitId]:
    """Return the hits of these signals of which somebody, or only ``receiver``, was told."""
    return frozenset(
        event.subject.hit_id
        for event in events
        if isinstance(event, NoticeIssued)
        and event.subject.hit_id is not None
        and receiver in {None, event.act.recipient}
        and set(event.subject.signal_ids) & set(signals)
    )


def concerns(event: Event, signals: Collection[SignalId], digests: Collection[bytes], hits: Collection[HitId]) -> bool:
    """Say whether an entry is about one of these signals, digests or hits."""
    subject = event.subject
    return (
        not set(subject.signal_ids).isdisjoint(signals)
        or not set(subject.tag_digests).isdisjoint(digests)
        or subject.hit_id in hits
    )


def sureness(event: Event, kinds: Mapping[bytes, KeyKind]) -> Quality | None:
    """Return how sure it is that an entry is about the person, by which of the person's digests it names."""
    return quality_of(kinds[digest] for digest in event.subject.tag_digests if digest in kinds)
