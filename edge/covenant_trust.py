# SPDX-License-Identifier: EUPL-1.2
"""The covenant as every party may believe it: signed by the board, not older than seen before, not expired.

The Update Framework's own client does the checking. A party pins one root by hand (``begin``); from it everything is
verified anew each time, also what lies on its own disk. What is fetched replaces what is kept only when all of it
holds. Not here: signing (``covenant_repository.py``), when to refresh (each role).
Spec: ``protocol/spec/distribution.md``.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Final

from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from edge.covenant_faults import told
from edge.covenant_fetch import TARGETS, KeptFetcher, fetcher_of, is_address
from edge.files import alone, put_file, put_link, sync_tree
from protocol.covenant import Covenant
from protocol.covenant_bundle import MAX_BUNDLE
from protocol.errors import Code, ConfigurationError, ConflictError, NotFoundError, UnavailableError, VerificationError

ROOT: Final = "root.json"
SOURCE: Final = "source.json"
METADATA: Final = "metadata"
COVENANT: Final = "covenant.json"
HISTORY: Final = "history"
SHA256: Final = "sha256"
_MAX_ROOT: Final = 512_000
"""Bytes: a root with a hundred keys has 50 kB."""
_MAX_SNAPSHOT: Final = 16_384
"""Bytes: ours names one file."""
_MAX_TARGETS: Final = 4_000_000
"""Bytes: some 300 for each covenant that ever was."""
_HEX = re.compile(r"[0-9a-f]{64}\Z")
_GENERATION: Final = ".metadata-"


@dataclass(frozen=True, slots=True)
class Trusted:
    """A covenant that the board signed, as far as this party can know now."""

    covenant: Covenant
    until: datetime
    """The first moment at which any signature behind it expires; nobody acts under it from then on."""
    root_version: int
    targets_version: int


class CovenantTrust:
    """One party's view of the signed covenant; lives in a folder of its home. Safe for several processes at once."""

    __slots__ = ("_anchor", "_parsed", "folder", "source")

    def __init__(self, folder: Path, anchor: bytes, source: str) -> None:
        """Take what ``begin`` pinned; callers use ``begin`` or ``open``."""
        self.folder = folder
        self.source = source
        self._anchor = anchor
        self._parsed: Covenant | None = None

    @staticmethod
    def begin(folder: Path, root: bytes, source: str) -> "CovenantTrust":
        """Pin a root and say where to fetch from; the same again changes nothing, another source replaces the old.

        ``source`` is ``http(s)://…/covenant/`` or a folder. Raises ``VerificationError`` (``covenant_untrusted``) when
        the root is none, ``ConflictError`` when another root is pinned.
        """
        _require_root(root)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone(folder):
            pinned = folder / ROOT
            if not pinned.exists():
                put_file(pinned, root)
            elif pinned.read_bytes() != root:
                raise ConflictError(
                    Code.CONFLICT,
                    "Another root of trust is pinned here.",
                    hint="A new root is fetched by itself. Who changes the pinned one by hand trusts another board.",
                )
            where = source if is_address(source) else str(Path(source).absolute())
            put_file(folder / SOURCE, json.dumps({"source": where}).encode() + b"\n")
        return CovenantTrust.open(folder)

    @staticmethod
    def open(folder: Path) -> "CovenantTrust":
        """Return what ``begin`` made. Raises ``ConfigurationError`` (``covenant_invalid``) before that."""
        try:
            anchor = (folder / ROOT).read_bytes()
            source = json.loads((folder / SOURCE).read_bytes())["source"]
        except FileNotFoundError:
            raise ConfigurationError(
                Code.COVENANT_INVALID,
                "This home does not know whose covenant to believe.",
                hint="Run `enrol` with the board's root file and the address of the broker's covenant.",
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise ConfigurationError(
                Code.COVENANT_INVALID, "The covenant's folder in this home cannot be read.", hint=f"Looked at {folder}."
            ) from None
        return CovenantTrust(folder, anchor, str(source))

    def load(self) -> Trusted:
        """Return the kept covenant, without network: everything is verified again from the pinned root.

        Raises ``VerificationError`` (``covenant_expired``, ``covenant_untrusted``), ``UnavailableError`` when nothing
        was fetched yet.
        """
        return self._verified(self.folder / METADATA)

    def refresh(self) -> Trusted:
        """Fetch what is new, verify all of it, and only then keep it.

        Raises ``UnavailableError`` when the source cannot be reached or lacks a file, in which case ``load`` may still
        hold; ``VerificationError`` as ``load``. Whatever it raises, what was kept before is kept.
        """
        with self._fetched(self.source) as (fresh, trusted):
            before = (self.folder / METADATA).resolve()
            if _same(fresh, before):
                return trusted
            sync_tree(fresh)
            put_link(self.folder / METADATA, fresh)
            # Its reader may have begun before the link moved: the last one stays until the next.
            for old in self.folder.glob(f"{_GENERATION}*"):
                if old not in (fresh, before):
                    shutil.rmtree(old, ignore_errors=True)
            return trusted

    def latest(self) -> Trusted:
        """Return what the source has when it can be reached, else what is kept. Raises as ``load``."""
        try:
            return self.refresh()
        except UnavailableError:
            return self.load()

    def rehearse(self, source: str) -> Trusted:
        """Return what a refresh from another source would give, and believe none of it yet. Raises as ``refresh``."""
        with self._fetched(source) as (_, trusted):
            return trusted

    def earlier(self, sha256: str) -> Covenant:
        """Return an earlier version, or the current one, proven by what is kept now; fetched when not kept.

        Raises ``NotFoundError`` when the board does not list it, else as ``load`` and ``refresh``.
        """
        with told(), TemporaryDirectory() as scratch:
            updater = self._updated(KeptFetcher((self.folder / METADATA).resolve()), Path(scratch))
            for path in (COVENANT, f"{HISTORY}/{sha256}.json"):
                found = updater.get_targetinfo(path)
                if found is not None and _digest(found) == sha256:
                    if not self._bundle_path(found).exists():
                        self._fetch_earlier(found)
                    return Covenant.read(self._bundle(found))
        raise NotFoundError(Code.NOT_FOUND, "The board has signed no such version of the covenant.")

    def versions(self) -> tuple[str, ...]:
        """Return the hash of every version that the board signed, as far as is known here. Raises as ``load``."""
        with told(), TemporaryDirectory() as scratch:
            self._updated(KeptFetcher((self.folder / METADATA).resolve()), Path(scratch))
            listed = Metadata[Targets].from_file(f"{scratch}/targets.json").signed.targets
        return tuple(sorted({_digest(one) for one in listed.values()}))

    def kept(self, sha256: str) -> Covenant:
        """Return the version of this hash that is kept here, for showing what is already here: nothing says that it is
        signed or current, so nobody acts under it. Raises ``NotFoundError`` when it is not kept.
        """
        return Covenant.read(self.kept_bundle(sha256))

    def kept_bundle(self, sha256: str) -> bytes:
        """Return the bytes of a kept version, to hand on. Raises ``NotFoundError`` as ``kept``."""
        try:
            bundle = (self.folder / TARGETS / f"{sha256}.json").read_bytes()
        except FileNotFoundError:
            bundle = b""
        if hashlib.sha256(bundle).hexdigest() != sha256:
            raise NotFoundError(Code.NOT_FOUND, "This version of the covenant is not kept here any more.")
        return bundle

    def _fetch_earlier(self, wanted: TargetFile) -> None:
        with fetcher_of(self.source) as fetcher, TemporaryDirectory() as scratch:
            # The source's own metadata is not asked: what is wanted is already proven.
            kept = _Both(KeptFetcher((self.folder / METADATA).resolve()), fetcher)
            self._download(self._updated(kept, Path(scratch)), wanted)

    @contextmanager
    def _fetched(self, source: str) -> Generator[tuple[Path, Trusted], None, None]:
        """Yield a new generation of metadata and what it proves; it is removed unless the link leads to it."""
        with alone(self.folder), told():
            kept = (self.folder / METADATA).resolve()
            fresh = Path(mkdtemp(prefix=_GENERATION, dir=self.folder))
            try:
                if kept.is_dir():
                    shutil.copytree(kept, fresh, symlinks=True, dirs_exist_ok=True)
                with fetcher_of(source) as fetcher:
                    updater = self._updated(fetcher, fresh)
                    self._download(updater, _covenant_of(updater))
                yield fresh, self._verified(fresh)
            finally:
                if (self.folder / METADATA).resolve() != fresh.resolve():
                    shutil.rmtree(fresh, ignore_errors=True)

    def _updated(self, fetcher: FetcherInterface, metadata: Path) -> Updater:
        config = UpdaterConfig(
            root_max_length=_MAX_ROOT, snapshot_max_length=_MAX_SNAPSHOT, targets_max_length=_MAX_TARGETS
        )
        updater = Updater(str(metadata), "/", None, f"/{TARGETS}/", fetcher, config, bootstrap=self._anchor)
        updater.refresh()
        return updater

    def _download(self, updater: Updater, wanted: TargetFile) -> None:
        path = self._bundle_path(wanted)
        if path.exists() and updater.find_cached_target(wanted, str(path)) is not None:
            return
        if wanted.length > MAX_BUNDLE:
            raise VerificationError(Code.COVENANT_UNTRUSTED, "The signed covenant is larger than any may be.")
        with TemporaryDirectory() as scratch:
            updater.download_target(wanted, str(Path(scratch) / COVENANT))
            put_file(path, (Path(scratch) / COVENANT).read_bytes())

    def _verified(self, metadata: Path) -> Trusted:
        with told(), TemporaryDirectory() as scratch:
            updater = self._updated(KeptFetcher(metadata.resolve()), Path(scratch))
            covenant = self._parse(_covenant_of(updater))
            root = Metadata[Root].from_file(f"{scratch}/root.json").signed
            timestamp = Metadata[Timestamp].from_file(f"{scratch}/timestamp.json").signed
            snapshot = Metadata[Snapshot].from_file(f"{scratch}/snapshot.json").signed
            targets = Metadata[Targets].from_file(f"{scratch}/targets.json").signed
        until = min(one.expires for one in (root, timestamp, snapshot, targets))
        return Trusted(covenant, until, root.version, targets.version)

    def _parse(self, wanted: TargetFile) -> Covenant:
        bundle = self._bundle(wanted)
        # The hash was just verified and names these bytes: what they mean cannot have changed.
        if self._parsed is None or self._parsed.sha256 != _digest(wanted):
            self._parsed = Covenant.read(bundle)
        return self._parsed

    def _bundle(self, wanted: TargetFile) -> bytes:
        try:
            bundle = self._bundle_path(wanted).read_bytes()
        except FileNotFoundError:
            raise UnavailableError(Code.UNAVAILABLE, "The covenant's text is not kept here; refresh first.") from None
        wanted.verify_length_and_hashes(bundle)
        return bundle

    def _bundle_path(self, wanted: TargetFile) -> Path:
        return self.folder / TARGETS / f"{_digest(wanted)}.json"


class _Both(FetcherInterface):
    """Metadata from what is kept, the signed files themselves from the source."""

    def __init__(self, kept: FetcherInterface, source: FetcherInterface) -> None:
        self._kept = kept
        self._source = source

    def _fetch(self, url: str) -> "Generator[bytes, None, None]":
        chosen = self._source if url.startswith(f"/{TARGETS}/") else self._kept
        yield from chosen.fetch(url)


def _require_root(root: bytes) -> None:
    try:
        found: Metadata[Root] = Metadata.from_bytes(root)
        if not isinstance(found.signed, Root):
            raise RepositoryError("not a root")
        found.signed.verify_delegate(Root.type, found.signed_bytes, found.signatures)
    except (RepositoryError, ValueError):
        raise VerificationError(
            Code.COVENANT_UNTRUSTED,
            "This is not a root of a covenant that enough of its own keys have signed.",
            hint="Take N.root.json from the board, and compare its fingerprint with what the board says.",
        ) from None


def _covenant_of(updater: Updater) -> TargetFile:
    found = updater.get_targetinfo(COVENANT)
    if found is None:
        raise RepositoryError("no covenant among the signed files")
    return found


def _digest(wanted: TargetFile) -> str:
    digest = str(wanted.hashes.get(SHA256))
    # Files are named by it.
    if not _HEX.match(digest):
        raise LengthOrHashMismatchError("no SHA-256")
    return digest


def _same(left: Path, right: Path) -> bool:
    names = [path.relative_to(left) for path in left.rglob("*") if path.is_file()]
    return right.is_dir() and all(
        (right / name).is_file() and (left / name).read_bytes() == (right / name).read_bytes() for name in names
    )
