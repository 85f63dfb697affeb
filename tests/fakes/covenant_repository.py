# SPDX-License-Identifier: EUPL-1.2
"""A board of three and a broker's online key that sign any covenant of a test, with the real code for all of it.

Keys are made from names, so nothing is asked and nothing is slow. ``published`` is a folder source for ``enrol``; the
same folder can be served over HTTP. Not here: the board's commands, the broker's process.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, MetaFile, Timestamp

from edge.covenant_keys import CovenantKey, CovenantSigner
from edge.covenant_online import assemble, renew
from edge.covenant_repository import Repository
from edge.covenant_terms import RootTerms
from edge.covenant_trust import CovenantTrust
from protocol.covenant_bundle import pack
from tests.fakes.covenants import seed_of

BOARD = ("minister", "privacy-officer", "chair")
"""The first three keys; a rotation brings others."""


def signer(name: str) -> CovenantSigner:
    """Return the private key of this name; the same every time."""
    return CovenantSigner(name, seed_of(f"{name} covenant"))


@dataclass
class SignedCovenants:
    """A board's folder, what is published of it, and all the private keys."""

    folder: Path
    board: tuple[str, ...] = BOARD
    threshold: int = 2
    online: CovenantSigner = field(default_factory=lambda: signer("broker"))
    online_key: CovenantKey | None = None
    """Of a real broker's home, whose own ``publish`` signs what is served; then ``publish`` here cannot."""

    @property
    def work(self) -> Repository:
        """The board's own folder."""
        return Repository(self.folder / "work")

    @property
    def published(self) -> Path:
        """What a party fetches from."""
        return self.folder / "published"

    @property
    def root(self) -> bytes:
        """The first root, which a party pins."""
        return self.work.raw("root", 1)

    @property
    def root_path(self) -> Path:
        """The first root's file, for ``enrol --root``."""
        return self.work.folder / "1.root.json"

    def add_root(self, *, days: float = 365, signers: Iterable[str] | None = None, now: datetime | None = None) -> None:
        """Propose a root with the present board and let it be signed; by the whole board unless told otherwise."""
        keys = [signer(name).key for name in self.board]
        terms = RootTerms(keys, self.threshold, keys, self.threshold, self.online_key or self.online.key)
        self.work.propose_root(terms, (now or datetime.now(UTC)) + timedelta(days=days))
        for name in self.board if signers is None else signers:
            self.work.sign(signer(name), self.work.root_standing())

    def add(
        self,
        files: Mapping[str, bytes],
        *,
        days: float = 180,
        signers: Iterable[str] | None = None,
        now: datetime | None = None,
    ) -> None:
        """Propose a covenant and let it be signed; by the whole board unless told otherwise."""
        self.work.propose_covenant(pack(files), (now or datetime.now(UTC)) + timedelta(days=days))
        for name in self.board if signers is None else signers:
            self.work.sign(signer(name), self.work.targets_standing())

    def publish(self, *, now: datetime | None = None) -> Path:
        """Let the broker publish what is signed; at an earlier ``now`` its own signatures expire earlier."""
        assemble(self.work, self.published)
        renew(self.published, self.online, now or datetime.now(UTC))
        return self.published

    def enrol(self, folder: Path, source: str | None = None) -> CovenantTrust:
        """Return a party's trust that has pinned the first root, and fetched."""
        trust = CovenantTrust.begin(folder, self.root, source or str(self.published))
        trust.refresh()
        return trust

    def bend(self, name: str, change: Callable[[dict[str, Any]], None], *, signers: Iterable[str] = ()) -> None:
        """Change the signed part of a published metadata file, and sign it by these keys alone."""
        path = self.published / name
        document = json.loads(path.read_bytes())
        change(document["signed"])
        bent: Metadata[Any] = Metadata.from_dict(document)
        bent.signatures.clear()
        for place, each in enumerate(signers):
            bent.sign((self.online if each == self.online.key.name else signer(each)).tuf, append=place > 0)
        path.write_bytes(bent.to_bytes())

    def repoint(self) -> None:
        """Let the broker vouch for the published snapshot as it is, which its own code would not do once it is bent."""
        version = self.published_as("snapshot")
        content = (self.published / f"{version}.snapshot.json").read_bytes()
        now = datetime.now(UTC)
        points = MetaFile.from_data(version, content, ["sha256"])
        path = self.published / "timestamp.json"
        last = Metadata[Timestamp].from_bytes(path.read_bytes()).signed.version
        made = Metadata(Timestamp(last + 1, expires=now + timedelta(days=1), snapshot_meta=points))
        made.sign(self.online.tuf)
        path.write_bytes(made.to_bytes())

    def published_as(self, role: str) -> int:
        """Return the newest published version of a role."""
        return Repository(self.published).versions(role)[-1]


def signed_covenants(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    now: datetime | None = None,
    publish: bool = True,
    online_key: CovenantKey | None = None,
) -> SignedCovenants:
    """Return a board of three, two of which must sign, that has signed this covenant.

    It is published too, unless told not to, or unless ``online_key`` is a real broker's (``read_public`` of its home's
    ``covenant.pub``): then ``sluis broker publish --home H made.work.folder`` does that.
    """
    made = SignedCovenants(folder, online_key=online_key)
    made.add_root(now=now)
    made.add(files, now=now)
    if publish and online_key is None:
        made.publish(now=now)
    return made
