# SPDX-License-Identifier: EUPL-1.2
"""What a root and a targets version say, as values: whose signatures count, and which covenants are named.

Not here: the files they stand in (``covenant_repository.py``). Spec: ``protocol/spec/distribution.md``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tuf.api.metadata import Role, Root, Snapshot, TargetFile, Targets, Timestamp

from edge.covenant_keys import CovenantKey, name_of
from edge.covenant_trust import COVENANT, HISTORY, SHA256
from protocol.covenant import Covenant
from protocol.errors import Code, ConfigurationError

FEWEST_SIGNERS: Final = 2
"""No one person can change the covenant, or who may change it."""
_HEX = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class RootTerms:
    """Whose signatures count from a root on."""

    root: Sequence[CovenantKey]
    root_threshold: int
    targets: Sequence[CovenantKey]
    targets_threshold: int
    online: CovenantKey

    @staticmethod
    def of(root: Root) -> "RootTerms":
        """Return what a root says. Raises ``ConfigurationError`` when it is not one that ``to_root`` makes."""
        try:
            keys = {
                role: [
                    CovenantKey(name=name_of(root.keys[key]), public=bytes.fromhex(root.keys[key].keyval["public"]))
                    for key in root.roles[role].keyids
                ]
                for role in root.roles
            }
            terms = RootTerms(
                keys[Root.type],
                root.roles[Root.type].threshold,
                keys[Targets.type],
                root.roles[Targets.type].threshold,
                keys[Timestamp.type][0],
            )
            same = terms.to_root(root.version, root.expires) == root
        except (KeyError, IndexError, ValueError, TypeError):
            same = False
        if not same:
            raise wrong("The root is not as `sluis policy root` writes it.", hint="Do not sign it.")
        return terms

    def to_root(self, version: int, expires: datetime) -> Root:
        """Return the root that says this, unsigned. Raises ``ConfigurationError`` when it is not sound."""
        self._require_sound()
        root = Root(version, expires=expires, consistent_snapshot=True)
        for role, keys, threshold in (
            (Root.type, self.root, self.root_threshold),
            (Targets.type, self.targets, self.targets_threshold),
            (Snapshot.type, [self.online], 1),
            (Timestamp.type, [self.online], 1),
        ):
            root.roles[role] = Role([], threshold)
            for key in sorted(keys, key=lambda key: key.id):
                root.add_key(key.tuf, role)
        return root

    def _require_sound(self) -> None:
        """Pass when nobody can act alone, and every threshold can be met."""
        for role, keys, threshold in (
            ("the root", self.root, self.root_threshold),
            ("covenants", self.targets, self.targets_threshold),
        ):
            ids = {key.id for key in keys}
            if len(ids) != len(keys) or len({key.name for key in keys}) != len(keys):
                raise wrong(f"A key or a name is given twice among those that sign {role}.")
            if not FEWEST_SIGNERS <= threshold <= len(keys):
                raise wrong(
                    f"{threshold} of {len(keys)} signatures for {role} cannot be.",
                    hint=f"At least {FEWEST_SIGNERS} must sign, so that nobody acts alone; and as many keys be there.",
                )
            if self.online.id in ids:
                raise wrong("The broker's online key cannot be one of the board's: it would sign for itself.")


@dataclass(frozen=True, slots=True)
class Listed:
    """A covenant that a targets version names."""

    sha256: str
    name: str
    version: str

    @staticmethod
    def of(target: TargetFile) -> "Listed":
        """Return what a target says of itself. Raises ``ConfigurationError``."""
        try:
            found = Listed(str(target.hashes[SHA256]), str(target.custom["name"]), str(target.custom["version"]))
        except (KeyError, TypeError):
            found = None
        # Files are named by it.
        if found is None or not _HEX.match(found.sha256):
            raise wrong("The list of covenants is not as `sluis policy build` writes it.")
        return found


def next_targets(version: int, expires: datetime, before: Targets | None, covenant: Covenant, length: int) -> Targets:
    """Return the list that makes a covenant the current one and keeps every earlier one, unsigned."""
    targets = Targets(version, expires=expires)
    for target in before.targets.values() if before is not None else ():
        sha256 = Listed.of(target).sha256
        if sha256 != covenant.sha256:
            path = f"{HISTORY}/{sha256}.json"
            targets.targets[path] = TargetFile(target.length, target.hashes, path, target.unrecognized_fields)
    named = {"custom": {"name": covenant.name, "version": covenant.version}}
    targets.targets[COVENANT] = TargetFile(length, {SHA256: covenant.sha256}, COVENANT, named)
    return targets


def names_of(targets: Targets) -> tuple[Listed, tuple[Listed, ...]]:
    """Return the current covenant and the earlier ones of a list that has just these. Raises ``ConfigurationError``."""
    found = {path: Listed.of(target) for path, target in targets.targets.items()}
    wanted = {COVENANT if path == COVENANT else f"{HISTORY}/{one.sha256}.json" for path, one in found.items()}
    plain = targets.delegations is None and not targets.unrecognized_fields
    if COVENANT not in found or wanted != set(found) or not plain:
        raise wrong("The list of covenants is not as `sluis policy build` writes it.", hint="Do not sign it.")
    return found[COVENANT], tuple(one for path, one in sorted(found.items()) if path != COVENANT)


def stored_paths(targets: Targets) -> Mapping[str, str]:
    """Return the file in which each named covenant is stored and published -> its SHA-256. Raises as ``names_of``."""
    names_of(targets)
    return {target.get_prefixed_paths()[0]: Listed.of(target).sha256 for target in targets.targets.values()}


def wrong(detail: str, *, hint: str | None = None) -> ConfigurationError:
    """Return the error for a board's folder that cannot be used as it is."""
    return ConfigurationError(Code.COVENANT_INVALID, detail, hint=hint)
