# SPDX-License-Identifier: EUPL-1.2
"""Which version of the covenant the others say that they act under, and whether that is ours.

Their word, which changes nothing here: who differs is refused or warned about, never followed. Not here: the header
(``edge/covenant_header.py``), fetching a newer version (``session.py``).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from agency_client.vault.evidence import EvidenceShelf
from edge.covenant_header import said_covenant
from protocol.covenant import Covenant
from protocol.ids import PartyId

_KEPT: Final = "covenant-heard"
_SHOWN: Final = 12
"""Characters of a hash that tell versions apart for people."""


@dataclass(frozen=True, slots=True)
class Differing:
    """A party that acts under another version than we do."""

    party: PartyId
    sha256: str
    version: str | None
    """Its name, when the board signed it."""

    @property
    def words(self) -> str:
        """What it runs, for people."""
        if self.version is None:
            return f"{self.party}: a covenant that the board has not signed, as far as we can see ({self._short})"
        return f"{self.party}: version {self.version} ({self._short})"

    @property
    def _short(self) -> str:
        return self.sha256[:_SHOWN]


class Heard:
    """What was heard while the doors were open."""

    def __init__(self) -> None:
        self._said: dict[PartyId, str] = {}

    def hear(self, party: PartyId) -> Callable[[Mapping[str, str]], None]:
        """Return what takes the headers of one party's answers."""

        def take(headers: Mapping[str, str]) -> None:
            found = said_covenant(headers)
            if found is not None:
                self._said[party] = found

        return take

    def others(self, sha256: str) -> dict[PartyId, str]:
        """Return who named another version than this."""
        return {party: said for party, said in sorted(self._said.items()) if said != sha256}

    def keep(self, shelf: EvidenceShelf, sha256: str) -> None:
        """Keep who named another version than this, for ``status``; who was not asked is left as it was."""
        before = _kept(shelf)
        said = before | {str(party): named for party, named in self._said.items()}
        kept = {party: named for party, named in said.items() if named != sha256}
        if kept != before:
            shelf.put_setting(_KEPT, json.dumps(kept, sort_keys=True))


def differing(shelf: EvidenceShelf, current: Covenant, named: Callable[[str], str | None]) -> list[Differing]:
    """Return who, when last asked, acted under another version than ``current``; ``named`` gives a version's name."""
    parties = {current.broker.id, *(holder.id for holder in current.key_holders)}
    return [
        Differing(PartyId(party), said, named(said))
        for party, said in sorted(_kept(shelf).items())
        if said != current.sha256 and party in parties
    ]


def warning_of(differ: list[Differing], current: Covenant) -> str:
    """Return the warning, in plain words: who runs which version."""
    said = "; ".join(one.words for one in differ)
    return (
        f"Warning: not everybody acts under the same covenant. This agency: version {current.version} "
        f"({current.sha256[:_SHOWN]}); {said}. After a change that passes in two minutes; if it stays, tell the board."
    )


def _kept(shelf: EvidenceShelf) -> dict[str, str]:
    found: dict[str, str] = json.loads(shelf.setting(_KEPT) or "{}")
    return found
