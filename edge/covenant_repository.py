# SPDX-License-Identifier: EUPL-1.2
"""The folder in which a board prepares, signs and keeps its roots and covenants, in the form that TUF publishes.

``N.root.json`` says whose signatures count, ``N.targets.json`` which covenant is signed; a version without enough
signatures is a proposal that the next one replaces. Not here: what the broker adds (``covenant_online.py``), what a
party believes (``covenant_trust.py``). Spec: ``protocol/spec/distribution.md``.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from securesystemslib.signer import Key
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from edge.covenant_fetch import TARGETS
from edge.covenant_keys import CovenantKey, CovenantSigner, name_of
from edge.covenant_terms import Listed, RootTerms, names_of, next_targets, stored_paths, wrong
from edge.covenant_trust import COVENANT, HISTORY
from edge.files import put_file
from protocol.covenant import Covenant
from protocol.covenant_bundle import MAX_BUNDLE
from protocol.errors import Code, ConflictError

MAX_METADATA: Final = 4_000_000
"""Bytes of one metadata file that is read here; what a party accepts (``covenant_trust.py``) is no larger."""
COMPACT: Final = JSONSerializer(compact=True)

T = TypeVar("T", Root, Targets, Snapshot, Timestamp)


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
    """Signatures still wanted, of the keys that this version itself or the newest root names."""
    missing_before: int = 0
    """Of a root: signatures still wanted of the keys of the root before it."""

    @property
    def complete(self) -> bool:
        """Whether every party accepts it."""
        return not self.missing and not self.missing_before


class Repository:
    """A board's folder; nothing in it is secret, and nothing in it is believed without its signatures."""

    __slots__ = ("folder",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # --- Reading ---

    def versions(self, role: str) -> list[int]:
        """Return the versions of a role that are there, oldest first."""
        found = re.compile(rf"([1-9][0-9]{{0,11}})\.{role}\.json\Z")
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
        """Return the packed covenant of this hash. Raises ``ConfigurationError``."""
        for path in (f"{sha256}.{COVENANT}", f"{HISTORY}/{sha256}.{sha256}.json"):
            if (self.folder / TARGETS / path).is_file():
                found = self._bytes(f"{TARGETS}/{path}", MAX_BUNDLE)
                if hashlib.sha256(found).hexdigest() == sha256:
                    return found
        raise wrong("The text of a listed covenant is missing from the folder, or changed.", hint=f"Its hash: {sha256}")

    def current(self, version: int | None = None) -> Listed:
        """Return the covenant that a targets version makes the current one. Raises ``ConfigurationError``."""
        return names_of(self.targets(version).signed)[0]

    def covenant(self, version: int | None = None) -> Covenant:
        """Return that covenant, read from the bytes that are signed. Raises ``ConfigurationError``."""
        named = self.current(version)
        found = Covenant.read(self.bundle(named.sha256))
        if (found.name, found.version) != (named.name, named.version):
            raise wrong("A covenant is listed under another name or version than its own.", hint="Do not sign it.")
        return found

    def history(self, version: int | None = None) -> tuple[Listed, ...]:
        """Return the earlier covenants that a targets version still names."""
        return names_of(self.targets(version).signed)[1]

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

    def targets_standing(self) -> Standing:
        """Return how far the newest targets version is signed, under the newest root. Raises ``ConfigurationError``."""
        found = self.targets()
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

        A proposal that too few have signed yet is replaced. Raises ``ConfigurationError``.
        """
        there = self.versions(Root.type)
        last = there[-1] if there else 0
        is_open = bool(there) and not self.root_standing().complete
        root = terms.to_root(last if is_open else last + 1, expires)
        if is_open and (proposed := self.root().signed).roles == root.roles and proposed.keys == root.keys:
            return root.version
        self._put(Metadata(root))
        return root.version

    def propose_covenant(self, bundle: bytes, expires: datetime) -> int:
        """Write the next targets version, unsigned, and return its number; the same proposal again changes nothing.

        Every earlier covenant stays named and kept. Raises ``ConflictError`` when an earlier covenant of this version
        name has other bytes, ``ConfigurationError``.
        """
        covenant = Covenant.read(bundle)
        self.root()
        there = self.versions(Targets.type)
        is_open = bool(there) and self._was_never_signed(there[-1])
        base = there[:-1] if is_open else there
        before = self.targets(base[-1]).signed if base else None
        for known in map(Listed.of, before.targets.values() if before is not None else ()):
            if known.version == covenant.version and known.sha256 != covenant.sha256:
                raise ConflictError(
                    Code.CONFLICT,
                    f"An earlier covenant is also called version {covenant.version}, with other contents.",
                    hint="Give this one a new `version` in covenant.yaml.",
                )
        last = before.version if before is not None else 0
        targets = next_targets(last + 1, expires, before, covenant, len(bundle))
        if is_open and self.targets().signed.targets == targets.targets:
            return targets.version
        for path, sha256 in stored_paths(targets).items():
            text = bundle if sha256 == covenant.sha256 else self.bundle(sha256)
            put_file(self.folder / TARGETS / path, text)
        self._put(Metadata(targets))
        return targets.version

    def _was_never_signed(self, version: int) -> bool:
        """Whether enough never signed it, under any root of ours: then nobody can have seen it published."""
        found = self.targets(version)
        return not any(
            self.root(one).signed.get_verification_result(Targets.type, found.signed_bytes, found.signatures)
            for one in self.versions(Root.type)
        )

    # --- Signing ---

    def require_signable(self, standing: Standing) -> None:
        """Pass when what waits for a signature is just what our own commands write. Raises ``ConfigurationError``.

        The folder came from another's hands: it may name other covenants than it shows, or have lost earlier ones.
        """
        if standing.role == Root.type:
            RootTerms.of(self.root(standing.version).signed)
            return
        self.covenant(standing.version)
        named = {self.current(standing.version).sha256, *(one.sha256 for one in self.history(standing.version))}
        for sha256 in named:
            self.bundle(sha256)
        if standing.version > 1:
            earlier = standing.version - 1
            lost = {self.current(earlier).sha256, *(one.sha256 for one in self.history(earlier))} - named
            if lost:
                raise wrong("An earlier covenant is no longer named.", hint="Do not sign it: it must stay provable.")

    def may_sign(self, standing: Standing, key: CovenantKey) -> bool:
        """Say whether the signature of this key counts for a version."""
        allowed = set(self.root().signed.roles[standing.role].keyids)
        if standing.role == Root.type and standing.version > 1:
            allowed |= set(self.root(standing.version - 1).signed.roles[Root.type].keyids)
        return key.id in allowed

    def sign(self, signer: CovenantSigner, standing: Standing) -> None:
        """Add one signature; signing twice changes nothing. Raises ``ConfigurationError`` when the key has no say."""
        self.require_signable(standing)
        if not self.may_sign(standing, signer.key):
            raise wrong("This key has no say in what waits for signatures here.")
        found = self.root(standing.version) if standing.role == Root.type else self.targets(standing.version)
        signature = found.signatures.get(signer.key.id)
        if signature is None or not signer.key.holds(signature, found.signed_bytes):
            found.sign(signer.tuf, append=True)
            self._put(found)

    # --- Files ---

    def _metadata(self, kind: type[T], version: int | None) -> Metadata[T]:
        if version is None:
            there = self.versions(kind.type)
            if not there:
                raise wrong(
                    f"The folder has no {kind.type} yet.",
                    hint="Make a root with `sluis policy root`, then a covenant with `sluis policy build`.",
                )
            version = there[-1]
        try:
            found: Metadata[T] = Metadata.from_bytes(self.raw(kind.type, version))
        except RepositoryError:
            raise wrong(f"{version}.{kind.type}.json is damaged.") from None
        if not isinstance(found.signed, kind) or found.signed.version != version:
            raise wrong(f"{version}.{kind.type}.json holds something else than its name says.")
        return found

    def _bytes(self, name: str, limit: int) -> bytes:
        try:
            with (self.folder / name).open("rb") as stream:
                content = stream.read(limit + 1)
        except OSError as error:
            raise wrong(f"{name} cannot be read: {error.strerror}.") from None
        if len(content) > limit:
            raise wrong(f"{name} is too large.")
        return content

    def _put(self, found: Metadata[Root] | Metadata[Targets]) -> None:
        put_file(self.folder / f"{found.signed.version}.{found.signed.type}.json", found.to_bytes(COMPACT))


def _names(keys: dict[str, Key]) -> tuple[str, ...]:
    return tuple(sorted(map(name_of, keys.values())))
