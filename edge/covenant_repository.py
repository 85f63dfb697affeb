# SPDX-License-Identifier: EUPL-1.2
"""The folder in which a board prepares, signs and keeps its roots and covenants, in the form that TUF publishes.

``N.root.json`` says whose signatures count, ``N.targets.json`` which covenant is signed; a version without enough
signatures is a proposal that the next one replaces. Not here: what the broker adds (``covenant_online.py``), what a
party believes (``covenant_trust.py``). Spec: ``protocol/spec/distribution.md``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from securesystemslib.signer import Key
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Role, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from edge.covenant_fetch import TARGETS
from edge.covenant_keys import CovenantKey, CovenantSigner, name_of
from edge.covenant_trust import COVENANT, HISTORY, SHA256
from edge.files import put_file
from protocol.covenant import Covenant
from protocol.covenant_bundle import MAX_BUNDLE
from protocol.errors import Code, ConfigurationError, ConflictError

MAX_METADATA: Final = 4_000_000
"""Bytes of one metadata file that is read here; what a party accepts (``covenant_trust.py``) is no larger."""
COMPACT: Final = JSONSerializer(compact=True)

T = TypeVar("T", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class RootTerms:
    """Whose signatures count from a root on."""

    root: Sequence[CovenantKey]
    root_threshold: int
    targets: Sequence[CovenantKey]
    targets_threshold: int
    online: CovenantKey

    def require_sound(self) -> None:
        """Pass when nobody can act alone, and every threshold can be met. Raises ``ConfigurationError``."""
        for role, keys, threshold in (
            ("root", self.root, self.root_threshold),
            ("covenants", self.targets, self.targets_threshold),
        ):
            ids = {key.id for key in keys}
            if len(ids) != len(keys) or len({key.name for key in keys}) != len(keys):
                raise _wrong(f"A key or a name is given twice among those that sign {role}.")
            if not 2 <= threshold <= len(keys):
                detail = (
                    f"{threshold} of {len(keys)} keys for {role}: at least two must sign, and enough must be there."
                )
                raise _wrong(detail)
            if self.online.id in ids:
                raise _wrong("The broker's online key cannot be one of the board's: the broker would sign for itself.")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the signing of one version is."""

    role: str
    version: int
    expires: datetime
    signed: tuple[str, ...]
    """Names of the keys whose signatures hold."""
    unsigned: tuple[str, ...]
    """Names of the keys that could still sign."""
    missing: int
    """Signatures still wanted, of the keys that this version itself or the current root names."""
    missing_before: int = 0
    """Of a root: signatures still wanted of the keys of the root before it."""

    @property
    def complete(self) -> bool:
        """Whether every party accepts it."""
        return not self.missing and not self.missing_before


@dataclass(frozen=True, slots=True)
class Listed:
    """A covenant that a targets version names."""

    sha256: str
    name: str
    version: str


class Repository:
    """A board's folder; nothing in it is secret, and nothing in it is believed without its signatures."""

    __slots__ = ("folder",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # --- Reading ---

    def versions(self, role: str) -> list[int]:
        """Return the versions of a role that are there, oldest first."""
        found = re.compile(rf"([1-9][0-9]{{0,8}})\.{role}\.json\Z")
        names = (path.name for path in self.folder.iterdir()) if self.folder.is_dir() else iter(())
        return sorted(int(match[1]) for match in map(found.match, names) if match)

    def raw(self, role: str, version: int) -> bytes:
        """Return one version's bytes. Raises ``ConfigurationError``."""
        return self._bytes(f"{version}.{role}.json", MAX_METADATA)

    def root(self, version: int | None = None) -> Metadata[Root]:
        """Return a root, the newest when no version is given. Raises ``ConfigurationError``."""
        return self._metadata(Root, version)

    def targets(self, version: int | None = None) -> Metadata[Targets]:
        """Return a targets version, the newest when none is given. Raises ``ConfigurationError``."""
        return self._metadata(Targets, version)

    def snapshot(self) -> Metadata[Snapshot]:
        """Return the newest snapshot. Raises ``ConfigurationError``."""
        return self._metadata(Snapshot, None)

    def bundle(self, sha256: str) -> bytes:
        """Return the packed covenant of this hash, not yet compared with it. Raises ``ConfigurationError``."""
        for path in (f"{sha256}.{COVENANT}", f"{HISTORY}/{sha256}.{sha256}.json"):
            if (self.folder / TARGETS / path).is_file():
                return self._bytes(f"{TARGETS}/{path}", MAX_BUNDLE)
        raise _wrong("The text of a signed covenant is missing from the folder.")

    def current(self, version: int | None = None) -> Listed:
        """Return the covenant that a targets version makes the current one. Raises ``ConfigurationError``."""
        return _listed(_covenant_in(self.targets(version).signed))

    def history(self, version: int | None = None) -> tuple[Listed, ...]:
        """Return the earlier covenants that a targets version still names."""
        targets = self.targets(version).signed.targets
        return tuple(_listed(targets[path]) for path in sorted(targets) if path != COVENANT)

    # --- Standing ---

    def root_standing(self) -> Standing:
        """Return how far the newest root is signed. Raises ``ConfigurationError``."""
        found = self.root()
        version = found.signed.version
        before = self.root(version - 1).signed if version > 1 else None
        result = found.signed.get_root_verification_result(before, found.signed_bytes, found.signatures)
        return Standing(
            Root.type,
            version,
            found.signed.expires,
            _names(result.signed),
            _names(result.unsigned),
            result.second.missing,
            result.first.missing if before is not None else 0,
        )

    def targets_standing(self, version: int | None = None) -> Standing:
        """Return how far a targets version is signed under the newest root. Raises ``ConfigurationError``."""
        found = self.targets(version)
        result = self.root().signed.get_verification_result(Targets.type, found.signed_bytes, found.signatures)
        return Standing(
            Targets.type,
            found.signed.version,
            found.signed.expires,
            _names(result.signed),
            _names(result.unsigned),
            result.missing,
        )

    def standings(self) -> tuple[Standing, ...]:
        """Return the newest root's standing, and the newest covenant's where one is built."""
        built = (self.targets_standing(),) if self.versions(Targets.type) else ()
        return (self.root_standing(), *built)

    # --- Proposing ---

    def propose_root(self, terms: RootTerms, expires: datetime) -> int:
        """Write the next root, unsigned, and return its version; the same proposal again changes nothing.

        A proposal that was not signed by enough is replaced. Raises ``ConfigurationError``.
        """
        terms.require_sound()
        there = self.versions(Root.type)
        open_proposal = bool(there) and not self.root_standing().complete
        version = there[-1] if open_proposal else (there[-1] if there else 0) + 1
        root = Root(version, expires=expires, consistent_snapshot=True)
        for role, keys, threshold in (
            (Root.type, terms.root, terms.root_threshold),
            (Targets.type, terms.targets, terms.targets_threshold),
            (Snapshot.type, [terms.online], 1),
            (Timestamp.type, [terms.online], 1),
        ):
            root.roles[role] = Role([], threshold)
            for key in sorted(keys, key=lambda key: key.id):
                root.add_key(key.tuf, role)
        if open_proposal:
            proposed = self.root().signed
            if (proposed.roles, proposed.keys) == (root.roles, root.keys):
                return version
        self._put(Metadata(root))
        return version

    def propose_covenant(self, bundle: bytes, expires: datetime) -> int:
        """Write the next targets version, unsigned, and return its number; the same proposal again changes nothing.

        Every earlier covenant stays named and kept. Raises ``ConflictError`` when an earlier covenant of this version
        name has other bytes, ``ConfigurationError``.
        """
        covenant = Covenant.read(bundle)
        self.root()
        there = self.versions(Targets.type)
        open_proposal = bool(there) and not self.targets_standing().complete and self._never_complete(there[-1])
        base = there[:-1] if open_proposal else there
        targets = Targets((base[-1] if base else 0) + 1, expires=expires)
        earlier = dict(self.targets(base[-1]).signed.targets) if base else {}
        for known in map(_listed, earlier.values()):
            if known.version == covenant.version and known.sha256 != covenant.sha256:
                raise ConflictError(
                    Code.CONFLICT,
                    f"An earlier covenant is also called version {covenant.version}, with other contents.",
                    hint="Give this one a new `version` in covenant.yaml.",
                )
        before = earlier.pop(COVENANT, None)
        if before is not None:
            listed = _listed(before)
            path = f"{HISTORY}/{listed.sha256}.json"
            earlier[path] = TargetFile(before.length, before.hashes, path, before.unrecognized_fields)
        earlier.pop(f"{HISTORY}/{covenant.sha256}.json", None)
        for path, file in earlier.items():
            targets.targets[path] = file
            self._put_bundle(path, _listed(file).sha256, self.bundle(_listed(file).sha256))
        named = {"custom": {"name": covenant.name, "version": covenant.version}}
        targets.targets[COVENANT] = TargetFile(len(bundle), {SHA256: covenant.sha256}, COVENANT, named)
        self._put_bundle(COVENANT, covenant.sha256, bundle)
        if open_proposal and self.targets().signed.targets == targets.targets:
            return targets.version
        self._put(Metadata(targets))
        return targets.version

    def _never_complete(self, version: int) -> bool:
        """Whether no root of ours ever made this targets version valid: then nobody can have seen it published."""
        found = self.targets(version)
        return not any(
            self.root(one).signed.get_verification_result(Targets.type, found.signed_bytes, found.signatures)
            for one in self.versions(Root.type)
        )

    # --- Signing ---

    def awaiting(self, key: CovenantKey) -> tuple[Standing, ...]:
        """Return what still needs signatures and can be signed by this key."""
        return tuple(
            one
            for one in self.standings()
            if not one.complete and key.id in self._may_sign(one) and not self._has_signed(one, key)
        )

    def sign(self, signer: CovenantSigner, standing: Standing) -> None:
        """Add one signature; signing twice changes nothing. Raises ``ConfigurationError`` when the key has no say."""
        if signer.key.id not in self._may_sign(standing):
            raise _wrong("This key has no say in what waits for signatures here.")
        found = self._version_of(standing)
        if not self._has_signed(standing, signer.key):
            found.sign(signer.tuf, append=True)
            self._put(found)

    def _version_of(self, standing: Standing) -> Metadata[Root] | Metadata[Targets]:
        return self.root(standing.version) if standing.role == Root.type else self.targets(standing.version)

    def _may_sign(self, standing: Standing) -> set[str]:
        root = self.root().signed
        keys = set(root.roles[standing.role].keyids)
        if standing.role == Root.type and standing.version > 1:
            keys |= set(self.root(standing.version - 1).signed.roles[Root.type].keyids)
        return keys

    def _has_signed(self, standing: Standing, key: CovenantKey) -> bool:
        found = self._version_of(standing)
        signature = found.signatures.get(key.id)
        return signature is not None and key.holds(signature, found.signed_bytes)

    # --- Files ---

    def _metadata(self, kind: type[T], version: int | None) -> Metadata[T]:
        if version is None:
            there = self.versions(kind.type)
            if not there:
                raise _wrong(
                    f"The folder has no {kind.type} yet.",
                    hint="Make a root with `sluis policy root`, then a covenant with `sluis policy build`.",
                )
            version = there[-1]
        try:
            found: Metadata[T] = Metadata.from_bytes(self.raw(kind.type, version))
        except RepositoryError:
            raise _wrong(f"{version}.{kind.type}.json is damaged.") from None
        if not isinstance(found.signed, kind) or found.signed.version != version:
            raise _wrong(f"{version}.{kind.type}.json holds something else than its name says.")
        return found

    def _bytes(self, name: str, limit: int) -> bytes:
        try:
            with (self.folder / name).open("rb") as stream:
                content = stream.read(limit + 1)
        except OSError as error:
            raise _wrong(f"{name} cannot be read: {error.strerror}.") from None
        if len(content) > limit:
            raise _wrong(f"{name} is too large.")
        return content

    def _put(self, found: Metadata[Root] | Metadata[Targets]) -> None:
        put_file(self.folder / f"{found.signed.version}.{found.signed.type}.json", found.to_bytes(COMPACT))

    def _put_bundle(self, path: str, sha256: str, bundle: bytes) -> None:
        folder, _, name = path.rpartition("/")
        put_file(self.folder / TARGETS / folder / f"{sha256}.{name}", bundle)


def _covenant_in(targets: Targets) -> TargetFile:
    found = targets.targets.get(COVENANT)
    if found is None:
        raise _wrong("A targets file names no covenant.")
    return found


def _listed(target: TargetFile) -> Listed:
    try:
        return Listed(str(target.hashes[SHA256]), str(target.custom["name"]), str(target.custom["version"]))
    except (KeyError, TypeError):
        raise _wrong("A targets file is not as `sluis policy build` writes it.") from None


def _names(keys: dict[str, Key]) -> tuple[str, ...]:
    return tuple(sorted(map(name_of, keys.values())))


def _wrong(detail: str, *, hint: str | None = None) -> ConfigurationError:
    return ConfigurationError(Code.COVENANT_INVALID, detail, hint=hint)
