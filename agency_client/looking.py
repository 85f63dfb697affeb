# SPDX-License-Identifier: EUPL-1.2
"""Read files as a push would, without keeping or sending anything: what they hold, and what kinds of push they are.

Which kinds were shown to somebody before is kept in the vault, under the covenant's SHA-256: another version is shown
anew. Not here: what a kind of push leads to (``preview.py``).
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agency_client.intake import Intake, Quarantine, Taken
from agency_client.mapping import Mapping as ColumnMapping
from agency_client.preview import PushKind, Urgency
from agency_client.vault.evidence import EvidenceShelf
from protocol.covenant import Covenant
from protocol.encoding import Json, canonical_json
from protocol.ids import KeyKind, PurposeId

_SHOWN: Final = "previews-shown"


@dataclass(slots=True)
class LookedFile:
    """One file: what would become of its rows, and how many pseudonyms of each kind they make."""

    name: str
    quarantine: Path
    taken: Taken = field(default_factory=Taken)
    kinds: Counter[KeyKind] = field(default_factory=Counter)
    signals: int = 0


@dataclass(slots=True)
class Looked:
    """All files of a push."""

    files: list[LookedFile] = field(default_factory=list)
    informed: Counter[str] = field(default_factory=Counter)
    _kinds: dict[tuple[PurposeId, Urgency], set[KeyKind]] = field(default_factory=dict)

    @property
    def pushed(self) -> list[PushKind]:
        """What kinds of push they hold: a purpose and urgency each, with all kinds of key that occur under them."""
        return [PushKind(purpose, frozenset(kinds), urgency) for (purpose, urgency), kinds in self._kinds.items()]

    def add(self, purpose: PurposeId, urgency: Urgency, kinds: Iterable[KeyKind]) -> None:
        """Count a record's kinds of key in."""
        self._kinds.setdefault((purpose, urgency), set()).update(kinds)


def look(intake: Intake, files: Mapping[Path, ColumnMapping], looked: Looked) -> Looked:
    """Read files as a push would, into ``looked``, which is returned; also right as far as it came when this raises.

    Rows that a push would not send are named beside the file, as by a push.
    """
    for path, mapping in files.items():
        with Quarantine(path) as quarantine:
            file = LookedFile(path.name, quarantine.path)
            looked.files.append(file)
            for ready in intake.drafts(path, mapping, quarantine, file.taken):
                draft = ready.draft
                file.signals += 1
                file.kinds.update(key.kind for key in draft.keys)
                looked.informed[draft.informed] += 1
                looked.add(ready.record.purpose, draft.urgency, (key.kind for key in draft.keys))
    return looked


def not_shown(shelf: EvidenceShelf, covenant: Covenant, pushed: Iterable[PushKind]) -> list[PushKind]:
    """Return those of which some kind of key was never shown to anybody under this version of the covenant."""
    shown = _shown(shelf, covenant)
    return [one for one in pushed if not one.kinds <= shown.get(_name(one), frozenset())]


def mark_shown(shelf: EvidenceShelf, covenant: Covenant, pushed: Iterable[PushKind]) -> None:
    """Keep that these were shown; what was kept under another version is forgotten."""
    shown = {name: set(kinds) for name, kinds in _shown(shelf, covenant).items()}
    for one in pushed:
        shown.setdefault(_name(one), set()).update(one.kinds)
    kept: dict[str, Json] = {name: [*sorted(kinds)] for name, kinds in shown.items()}
    shelf.put_setting(_SHOWN, canonical_json({"covenant": covenant.sha256, "kinds": kept}).decode())


def _shown(shelf: EvidenceShelf, covenant: Covenant) -> dict[str, frozenset[KeyKind]]:
    kept = json.loads(shelf.setting(_SHOWN) or "{}")
    if kept.get("covenant") != covenant.sha256:
        return {}
    return {name: frozenset(KeyKind(kind) for kind in kinds) for name, kinds in kept["kinds"].items()}


def _name(pushed: PushKind) -> str:
    return f"{pushed.purpose} {pushed.urgency}"
