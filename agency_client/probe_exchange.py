# SPDX-License-Identifier: EUPL-1.2
"""Tell the other agency of a pair which probes we pushed, and take its word: only what the log proves counts.

Not here: the files' form (``protocol/probe_statements.py``), what follows from them (``probe_answers.py``).
"""

from dataclasses import dataclass

from agency_client.probing import Prober
from agency_client.trail import Trail
from agency_client.vault.probes import KeptProbe
from protocol.checkpoint import CosignedCheckpoint
from protocol.commitments import parse_opening
from protocol.errors import Code, InputError, VerificationError
from protocol.events import SignalRegistered
from protocol.ids import KeyKind, PartyId
from protocol.keys import quality_of
from protocol.log_evidence import verify_evidence
from protocol.messages import Evidence, utc
from protocol.probe_statements import MAX_CLAIMS, ProbeClaim, ProbeStatement, Registration, SignedProbeStatement
from protocol.tiles import inclusion_proof, needed_tiles, path_of


@dataclass(frozen=True, slots=True)
class Taken:
    """What an imported statement told."""

    pushed: int = 0
    passed: int = 0
    unfit: int = 0
    """Claims that are proven, and yet do not go with our probe: of another epoch, or under keys since changed."""


def statement_for(prober: Prober, other: PartyId) -> SignedProbeStatement:
    """Return what we tell the other agency of our newest probes with it. Raises ``NotFoundError`` for a stranger."""
    prober.engine.covenant.agency(other)
    vault = prober.vault
    claims = []
    for kept in vault.probes.all(other)[-MAX_CLAIMS:]:
        if kept.signal is None:
            claims.append(ProbeClaim(week=kept.id.week, number=kept.id.number))
        elif (found := vault.probes.registration(kept.signal)) is not None:
            place, opening = found
            registration = Registration(index=place, opening=opening, kinds=tuple(sorted(kept.kinds)))
            claims.append(ProbeClaim(week=kept.id.week, number=kept.id.number, registration=registration))
    said = ProbeStatement(by=prober.me.id, to=other, made_at=utc(prober.clock()), claims=tuple(claims))
    return SignedProbeStatement.of(said, prober.signer)


async def take(prober: Prober, trail: Trail, signed: SignedProbeStatement) -> Taken:
    """Verify another agency's statement, all of it, and then keep it.

    Raises ``VerificationError`` when it did not sign this, or the log does not have what it claims; ``InputError`` when
    it is for another agency.
    """
    said = signed.verified(prober.engine.covenant.key_directory(), prober.clock())
    if said.to != prober.me.id:
        raise InputError(Code.CONFLICT, "This statement is addressed to another agency.")
    other = prober.engine.covenant.agency(said.by)
    ours = {one.id: one for one in prober.vault.probes.all(other.id)}
    head = await trail.advance()
    proven = [(claim, await _registered(trail, head, claim, other.id)) for claim in said.claims if claim.id in ours]
    pushed = passed = unfit = 0
    for claim, event in proven:
        kept = ours[claim.id]
        if kept.theirs:
            continue
        if event is None:
            passed += 1
            prober.vault.probes.note_theirs(kept, claim.to_json(), None, None)
            continue
        theirs = frozenset(() if claim.registration is None else claim.registration.kinds)
        fits = _fits(prober, kept, event, theirs)
        pushed, unfit = pushed + fits, unfit + (not fits)
        quality = quality_of(kept.kinds & theirs) if fits else None
        prober.vault.probes.note_theirs(kept, claim.to_json(), event.act.time, quality)
    return Taken(pushed, passed, unfit)


async def _registered(
    trail: Trail, head: CosignedCheckpoint, claim: ProbeClaim, other: PartyId
) -> SignalRegistered | None:
    if claim.registration is None:
        return None
    index, size = claim.registration.index, head.checkpoint.size
    if index >= size:
        raise VerificationError(
            Code.RECEIPT_INVALID, "The statement names an entry that the log does not have.", hint="Ask for a new file."
        )
    tiles = {tile: await trail.file(path_of(tile, size)) for tile in needed_tiles([index], size)}
    evidence = Evidence(index=index, opening=claim.registration.opening, proof=inclusion_proof(index, size, tiles))
    event = verify_evidence(evidence, head)
    if not isinstance(event, SignalRegistered) or event.act.agency != other or event.asked.cover is not None:
        raise VerificationError(
            Code.RECEIPT_INVALID, "The statement's entry is no signal of that agency.", hint="Ask for a new file."
        )
    return event


def _fits(prober: Prober, kept: KeptProbe, event: SignalRegistered, kinds: frozenset[KeyKind]) -> bool:
    """Say whether the two signals of the log agree on the kinds that both have, and could meet."""
    registered = None if kept.signal is None else prober.vault.probes.registration(kept.signal)
    if registered is None or (event.act.purpose, event.asked.epoch) != (kept.purpose, kept.epoch):
        return False
    mine = parse_opening(registered[1]).subject.tag_digests
    agreed = len(kept.kinds & kinds)
    return 0 < agreed <= len(set(mine) & set(event.subject.tag_digests))
