# SPDX-License-Identifier: EUPL-1.2
"""Take entries of the log out, with all that proves them, as an evidence pack.

Every page is checked as one that is read; then each entry is proven anew in one checkpoint, by hashes from the log's
own tiles, and the whole is checked as its reader will, before it is signed. Spec: ``protocol/spec/evidence-pack.md``.
Not here: what may be seen (``searching.py``), what a pack must hold (``protocol/evidence_pack.py``), the file.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from agency_client.searching import Inquiry, Searching, SeenEntry, SeenPage
from agency_client.trail import Trail
from edge.pack_pages import WRITER, write_pages
from protocol.checkpoint import CosignedCheckpoint
from protocol.covenant import Covenant
from protocol.errors import Code, InputError, NotFoundError
from protocol.event_search import MAX_PAGE
from protocol.evidence_pack import PackContent, prove_content, seal_pack
from protocol.merkle import TileId
from protocol.messages import Opening
from protocol.pack_parts import (
    CHECKPOINT,
    ENTRIES,
    FORM,
    MAX_ENTRIES,
    PROOFS,
    TABLE,
    PackedCovenant,
    PackEntries,
    PackEntry,
    PackManifest,
    PackProof,
    PackProofs,
    covenant_file,
    one_form,
)
from protocol.pack_table import write_table
from protocol.signing import Signer
from protocol.tiles import inclusion_proofs, needed_tiles, path_of

AT_ONCE: Final = 4
"""Tiles fetched at the same time."""

BundleOf = Callable[[str], bytes]
"""Returns a covenant's bundle by its SHA-256. Raises ``NotFoundError`` for one that is not kept here."""


class Exporting:
    """Makes evidence packs for one agency."""

    def __init__(
        self, searching: Searching, trail: Trail, covenant: Covenant, signer: Signer, bundle_of: BundleOf
    ) -> None:
        self._searching = searching
        self._trail = trail
        self._covenant = covenant
        self._signer = signer
        self._bundle_of = bundle_of

    async def run(
        self, inquiry: Inquiry, begins: datetime, ends: datetime, told: Callable[[int, int], None]
    ) -> tuple[bytes, PackContent]:
        """Return the pack of a period, and what it proves; ``told`` hears how much of the log was looked through.

        Raises as ``Searching.page`` and ``prove_content``, and ``InputError`` (``too_large``).
        """
        pages = await self._pages(inquiry, told)
        head = await self._trail.advance()
        seen = [entry for page in pages for entry in page.entries]
        own = {entry.index for entry in seen}
        beside = {index: opening for page in pages for index, opening in page.beside if index not in own}
        entries = PackEntries(
            entries=tuple(map(_entry, seen)),
            beside=tuple(PackEntry(index=index, opening=beside[index]) for index in sorted(beside)),
        )
        proofs = await self._proofs(head, sorted(own | beside.keys()))
        manifest = PackManifest(
            form=FORM,
            agency=self._signer.party,
            person=inquiry.person,
            role=inquiry.role,
            log_purpose=inquiry.log_purpose,
            begins=begins,
            ends=ends,
            filters=inquiry.filters.model_copy(update={"since": None, "until": None}),
            covenant=PackedCovenant(version=self._covenant.version, sha256=self._covenant.sha256),
            exported_at=max(page.read_at for page in pages),
            exports=tuple(sorted(page.reading for page in pages)),
            pages=WRITER,
            files={},
        )
        return await asyncio.to_thread(self._seal, manifest, entries, proofs, head)

    async def _pages(self, inquiry: Inquiry, told: Callable[[int, int], None]) -> list[SeenPage]:
        pages: list[SeenPage] = []
        after: int | None = None
        while not pages or after is not None:
            page = await self._searching.page(inquiry, after, MAX_PAGE)
            pages.append(page)
            after = page.next
            told(page.through if after is None else after + 1, page.through)
            if sum(len(one.entries) for one in pages) > MAX_ENTRIES:
                raise InputError(
                    Code.TOO_LARGE,
                    f"The period has more than {MAX_ENTRIES:,} entries, which is more than one pack holds.",
                    hint="Cut the period into several packs; what was read so far stands in the log as exported.",
                )
        return pages

    async def _proofs(self, head: CosignedCheckpoint, indexes: list[int]) -> PackProofs:
        size = head.checkpoint.size
        gate = asyncio.Semaphore(AT_ONCE)

        async def fetch(tile: TileId) -> tuple[TileId, bytes]:
            async with gate:
                return tile, await self._trail.file(path_of(tile, size))

        tiles = dict(await asyncio.gather(*map(fetch, sorted(needed_tiles(indexes, size)))))
        paths = await asyncio.to_thread(inclusion_proofs, indexes, size, tiles)
        return PackProofs(
            proofs=tuple(PackProof(index=index, hashes=path) for index, path in zip(indexes, paths, strict=True))
        )

    def _seal(
        self, manifest: PackManifest, entries: PackEntries, proofs: PackProofs, head: CosignedCheckpoint
    ) -> tuple[bytes, PackContent]:
        openings = (one.opening for one in (*entries.entries, *entries.beside))
        files = {
            CHECKPOINT: head.note.encode(),
            ENTRIES: one_form(entries),
            PROOFS: one_form(proofs),
            **self._covenants(openings, manifest.covenant.sha256),
        }
        content = prove_content(manifest, entries, proofs, files, self._covenant)
        files |= {TABLE: write_table(content.entries), **write_pages(content, files)}
        return seal_pack(manifest, files, self._signer), content

    def _covenants(self, openings: Iterable[Opening], own: str) -> dict[str, bytes]:
        named = {own, *(str(opening.record["covenant"]["sha256"]) for opening in openings)}
        found = {}
        for sha256 in sorted(named):
            try:
                found[covenant_file(sha256)] = self._bundle_of(sha256)
            except NotFoundError:
                if sha256 == own:
                    raise
        return found


def _entry(seen: SeenEntry) -> PackEntry:
    by = None if seen.erased_by is None else seen.erased_by.index
    return PackEntry(index=seen.index, opening=seen.opening, erased_by=by)
