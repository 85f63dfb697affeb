# SPDX-License-Identifier: EUPL-1.2
"""What a pseudonym costs: the client against a peer library and bare curve operations; the key-holder likewise."""

import private_set_intersection.python as psi

from protocol import group, oprf, tags, threshold
from protocol.ids import Epoch, HolderIndex, KeyKind, PurposeId
from tests.bench.measure import Row, in_turn

ELEMENTS = 1_000
_PURPOSE, _EPOCH = PurposeId("offender-prevention"), Epoch(3)
_QUORUM = (HolderIndex(1), HolderIndex(2))


def rows() -> list[Row]:
    """Return the rows about pseudonyms, in milliseconds or microseconds an element."""
    sharing = threshold.Sharing(2, 3)
    seeds = {members: threshold.draw_seed() for members in sharing.sets}
    points = {members: threshold.share_point(seed, _PURPOSE, _EPOCH) for members, seed in seeds.items()}
    shares = {
        holder: threshold.combined_share(seeds, _PURPOSE, _EPOCH, sharing.answers_for(holder, _QUORUM))
        for holder in _QUORUM
    }
    publics = {holder: threshold.quorum_public(points, holder, _QUORUM, sharing) for holder in _QUORUM}
    inputs = [tags.match_input(KeyKind("phone"), f"+316{number:08d}") for number in range(ELEMENTS)]
    blinded = oprf.blind(inputs)
    answers = {holder: oprf.evaluate(shares[holder], publics[holder], blinded.elements) for holder in _QUORUM}
    encoded = {holder: [point.encoded for point in answers[holder][0]] for holder in _QUORUM}

    def client() -> None:
        oprf.blind(inputs)  # its cost; the answers below belong to the first blinding
        parts = {h: oprf.accept(publics[h], blinded.elements, encoded[h], answers[h][1]) for h in _QUORUM}
        outputs = oprf.finalise(inputs, blinded.blinds, threshold.combine(parts))
        tags.derive_all(outputs, _PURPOSE, _EPOCH)

    def peer() -> None:
        other = psi.client.CreateWithNewKey(True)
        other.GetIntersection(setup, server.ProcessRequest(other.CreateRequest(texts)))

    def floor() -> None:
        # What cannot be avoided: hash to the curve, blind, unblind, and 2 x 2 multiplications to check two proofs.
        hashed = [group.hash_to_group(text, b"bench") for text in inputs]
        for _ in range(6):
            group.multiply(scalar, hashed)

    def evaluation() -> None:
        oprf.evaluate(shares[_QUORUM[0]], publics[_QUORUM[0]], blinded.elements)

    def multiplication() -> None:
        group.multiply(scalar, blinded.elements)

    texts = [text.hex() for text in inputs]
    server = psi.server.CreateWithNewKey(True)
    setup = server.CreateSetupMessage(1e-9, ELEMENTS, texts[:10], psi.DataStructure.RAW)
    scalar = group.random_scalar()
    mine, theirs = in_turn(client, peer)
    again, least = in_turn(client, floor)
    served, bare = in_turn(evaluation, multiplication)
    milli, micro = 1e3 / ELEMENTS, 1e6 / ELEMENTS
    return [
        Row("client: pseudonym of a key, two proofs checked", "ms/key", mine * milli, "openmined-psi", theirs * milli),
        Row(
            "client: pseudonym of a key, two proofs checked", "ms/key", again * milli, "bare curve work", least * milli
        ),
        Row("key-holder: evaluation with proof", "us/key", served * micro, "one bare multiplication", bare * micro),
    ]
