# SPDX-License-Identifier: EUPL-1.2
"""Many key-holders as one: every quorum gives the RFC's outputs, and nobody gets past the agreement on keys."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import oprf, threshold
from protocol.errors import Code, InputError, VerificationError
from protocol.group import (
    ORDER,
    Point,
    Scalar,
    add_scalars,
    base,
    random_scalar,
    scalar_from_bytes,
    subtract_scalars,
    sum_points,
    sum_scalars,
)
from protocol.ids import Epoch, HolderIndex, PurposeId
from protocol.messages import KeyStatement, SetPoint
from protocol.threshold import HolderSet, KeySet, Seed, Sharing

FOLDER = Path(__file__).parents[1] / "vectors"
RFC: dict[str, Any] = json.loads((FOLDER / "oprf-rfc9497.json").read_text())["suites"][1]
OWN: dict[str, Any] = json.loads((FOLDER / "threshold.json").read_text())

PURPOSE, EPOCH = PurposeId("offender-prevention"), Epoch(3)
TWO_OF_THREE = Sharing(2, 3)
ALL_SHARINGS = [Sharing(t, n) for n in range(1, 6) for t in range(1, n + 1)]
sharings = st.sampled_from(ALL_SHARINGS)


def name(sharing: Sharing) -> str:
    """Return a test's name for a sharing."""
    return f"{sharing.threshold} of {sharing.holders}"


def quorums(sharing: Sharing) -> list[HolderSet]:
    """Return every quorum of a sharing."""
    return list(combinations([HolderIndex(i) for i in range(1, sharing.holders + 1)], sharing.threshold))


def shares_of(key: Scalar, sharing: Sharing) -> dict[HolderSet, Scalar]:
    """Split a given key over the sets of a sharing."""
    *others, last = sharing.sets
    shares = {members: random_scalar() for members in others}
    shares[last] = subtract_scalars(key, sum_scalars(list(shares.values()))) if others else key
    return shares


def evaluate_together(
    blinded: tuple[Point, ...], shares: dict[HolderSet, Scalar], quorum: HolderSet, sharing: Sharing
) -> list[Point]:
    """Let every key-holder of a quorum answer, check each proof against the published points, and combine."""
    points = {members: base(share) for members, share in shares.items()}
    answers = {}
    for holder in quorum:
        key = sum_scalars([shares[members] for members in sharing.answers_for(holder, quorum)])
        evaluated, proof = oprf.evaluate(key, base(key), blinded)
        public = threshold.quorum_public(points, holder, quorum, sharing)
        answers[holder] = oprf.accept(public, blinded, [point.encoded for point in evaluated], proof)
    return threshold.combine(answers)


def seeds_for(sharing: Sharing) -> dict[HolderSet, Seed]:
    """Draw the seeds of a sharing."""
    return {members: threshold.draw_seed() for members in sharing.sets}


def statement(holder: int, seeds: dict[HolderSet, Seed], sharing: Sharing) -> KeyStatement:
    """Return what an honest key-holder states."""
    return KeyStatement(
        holder=HolderIndex(holder),
        threshold=HolderIndex(sharing.threshold),
        holders=HolderIndex(sharing.holders),
        purpose=PURPOSE,
        epoch=EPOCH,
        points=tuple(
            SetPoint(members=members, point=threshold.share_point(seeds[members], PURPOSE, EPOCH).encoded)
            for members in sharing.sets_of(HolderIndex(holder))
        ),
    )


def statements(seeds: dict[HolderSet, Seed], sharing: Sharing = TWO_OF_THREE) -> list[KeyStatement]:
    """Return what all honest key-holders state."""
    return [statement(holder, seeds, sharing) for holder in range(1, sharing.holders + 1)]


def refused(said: list[KeyStatement], code: Code, sharing: Sharing = TWO_OF_THREE) -> None:
    """Check that these statements are refused with this code."""
    with pytest.raises(VerificationError) as refusal:
        threshold.agree(said, sharing, PURPOSE, EPOCH)
    assert refusal.value.code is code


@pytest.mark.parametrize("sharing", ALL_SHARINGS, ids=name)
def test_every_quorum_gives_the_outputs_of_the_rfc(sharing: Sharing) -> None:
    """When the shares sum to the RFC's key, every quorum's combined answer finalises to the RFC's outputs."""
    vector = RFC["vectors"][2]
    inputs = [bytes.fromhex(one) for one in vector["inputs"]]
    blinded = oprf._blind(inputs, [scalar_from_bytes(bytes.fromhex(one)) for one in vector["blinds"]])
    shares = shares_of(scalar_from_bytes(bytes.fromhex(RFC["secretKey"])), sharing)
    for quorum in quorums(sharing):
        combined = evaluate_together(blinded.elements, shares, quorum, sharing)
        assert [point.encoded.hex() for point in combined] == vector["evaluationElements"]
        outputs = oprf.finalise(inputs, blinded.blinds, combined)
        assert [output.hex() for output in outputs] == vector["outputs"]


@pytest.mark.parametrize("case", OWN["cases"], ids=lambda case: f"{case['threshold']} of {case['holders']}")
def test_own_vectors(case: dict[str, Any]) -> None:
    """Ratchet, shares, points, fingerprints, assignment and the final output equal those of the separate program."""
    sharing = Sharing(case["threshold"], case["holders"])
    purpose, epoch = PurposeId(case["purpose"]), Epoch(case["epoch"])
    assert [list(members) for members in sharing.sets] == [row["members"] for row in case["sets"]]
    seeds, points = {}, {}
    for members, row in zip(sharing.sets, case["sets"], strict=True):
        seeds[members] = threshold.ratchet_by(Seed(bytes.fromhex(row["seedOfEpoch0"])), epoch)
        points[members] = threshold.share_point(seeds[members], purpose, epoch)
        assert seeds[members].encoded.hex() == row["seed"]
        assert threshold.fingerprint(seeds[members]) == row["fingerprint"]
        assert threshold.share(seeds[members], purpose, epoch).encoded.hex() == row["share"]
        assert points[members].encoded.hex() == row["point"]
    key = threshold.combined_share(seeds, purpose, epoch, sharing.sets)
    assert key.encoded.hex() == case["key"]
    assert sum_points(list(points.values())).encoded.hex() == base(key).encoded.hex() == case["public"]
    assert [list(quorum) for quorum in quorums(sharing)] == [row["quorum"] for row in case["quorums"]]
    shares = {members: threshold.share(seed, purpose, epoch) for members, seed in seeds.items()}
    asked = [bytes.fromhex(case["input"])]
    blinded = oprf.blind(asked)
    for row in case["quorums"]:
        quorum = tuple(row["quorum"])
        for answer in row["answers"]:
            held = sharing.answers_for(answer["holder"], quorum)
            assert [list(members) for members in held] == answer["answersFor"]
            public = threshold.quorum_public(points, answer["holder"], quorum, sharing)
            assert public.encoded.hex() == answer["public"]
            assert base(threshold.combined_share(seeds, purpose, epoch, held)) == public
        combined = evaluate_together(blinded.elements, shares, quorum, sharing)
        assert oprf.finalise(asked, blinded.blinds, combined)[0].hex() == case["output"]


@pytest.mark.parametrize("row", OWN["refusedQuorums"], ids=lambda row: row["name"])
def test_a_quorum_that_is_none_is_refused(row: dict[str, Any]) -> None:
    """A quorum with too few, too many, unknown, repeated or unordered key-holders is refused everywhere."""
    sharing, quorum = Sharing(row["threshold"], row["holders"]), tuple(row["quorum"])
    points = {members: base(random_scalar()) for members in sharing.sets}
    for operation in (
        lambda: sharing.check_quorum(quorum),
        lambda: sharing.answers_for(HolderIndex(2), quorum),
        lambda: threshold.quorum_public(points, HolderIndex(2), quorum, sharing),
    ):
        with pytest.raises(InputError) as refusal:
            operation()
        assert refusal.value.code == row["code"]


def test_a_key_holder_outside_the_quorum_is_refused() -> None:
    """Who was not asked answers for nothing."""
    with pytest.raises(InputError, match="not in the quorum"):
        TWO_OF_THREE.answers_for(HolderIndex(3), (HolderIndex(1), HolderIndex(2)))


@given(sharings, st.data())
def test_a_quorum_answers_for_every_set_once(sharing: Sharing, data: st.DataObject) -> None:
    """Over a quorum every set is answered for exactly once, by one of its members, and nobody asked is idle."""
    quorum = data.draw(st.sampled_from(quorums(sharing)))
    answered = {holder: sharing.answers_for(holder, quorum) for holder in quorum}
    assert sorted(members for sets in answered.values() for members in sets) == list(sharing.sets)
    assert all(sets and set(sets) <= set(sharing.sets_of(holder)) for holder, sets in answered.items())


@given(sharings, st.data())
def test_fewer_than_the_threshold_miss_a_share(sharing: Sharing, data: st.DataObject) -> None:
    """Any group smaller than the threshold lacks the seed of at least one set; any group as large lacks none."""
    quorum = data.draw(st.sampled_from(quorums(sharing)))
    held = {members for holder in quorum for members in sharing.sets_of(holder)}
    assert held == set(sharing.sets)
    for few in combinations(quorum, sharing.threshold - 1):
        assert {members for holder in few for members in sharing.sets_of(holder)} != set(sharing.sets)


@pytest.mark.parametrize(("t", "n"), [(0, 3), (4, 3), (-1, 1), (0, 0), (2, 10)])
def test_an_impossible_sharing_cannot_exist(t: int, n: int) -> None:
    """A threshold of none, of more than there are, or among more than nine is refused on construction."""
    with pytest.raises(ValueError, match="threshold"):
        Sharing(t, n)


@settings(max_examples=15, deadline=None)
@given(sharings, st.data())
def test_all_quorums_agree(sharing: Sharing, data: st.DataObject) -> None:
    """For any sharing and any two quorums, seeds that were only drawn give one and the same output."""
    seeds = seeds_for(sharing)
    keys = threshold.agree(statements(seeds, sharing), sharing, PURPOSE, EPOCH)
    one = data.draw(st.binary(max_size=30))
    outputs = set()
    for quorum in data.draw(st.lists(st.sampled_from(quorums(sharing)), min_size=2, max_size=2)):
        blinded = oprf.blind([one])
        answers = {}
        for holder in quorum:
            own = {members: seeds[members] for members in sharing.sets_of(holder)}
            key = threshold.combined_share(own, PURPOSE, EPOCH, sharing.answers_for(holder, quorum))
            evaluated, proof = oprf.evaluate(key, base(key), blinded.elements)
            answer = [point.encoded for point in evaluated]
            answers[holder] = oprf.accept(keys.public(holder, quorum), blinded.elements, answer, proof)
        outputs.update(oprf.finalise([one], blinded.blinds, threshold.combine(answers)))
    assert len(outputs) == 1


def test_an_answer_for_another_quorum_is_refused() -> None:
    """A key-holder that answers as if another quorum was asked is caught by the proof."""
    seeds = seeds_for(TWO_OF_THREE)
    keys = threshold.agree(statements(seeds), TWO_OF_THREE, PURPOSE, EPOCH)
    asked, other, holder = (HolderIndex(2), HolderIndex(3)), (HolderIndex(1), HolderIndex(3)), HolderIndex(3)
    blinded = oprf.blind([b"a"]).elements
    key = threshold.combined_share(seeds, PURPOSE, EPOCH, TWO_OF_THREE.answers_for(holder, other))
    evaluated, proof = oprf.evaluate(key, base(key), blinded)
    oprf.verify(keys.public(holder, other), blinded, evaluated, proof)
    with pytest.raises(VerificationError) as refusal:
        oprf.verify(keys.public(holder, asked), blinded, evaluated, proof)
    assert refusal.value.code is Code.PROOF_INVALID


def test_an_answer_for_another_purpose_or_epoch_is_refused() -> None:
    """An honest proof under the key of another purpose or epoch does not hold against this one's statement."""
    seeds = seeds_for(TWO_OF_THREE)
    keys = threshold.agree(statements(seeds), TWO_OF_THREE, PURPOSE, EPOCH)
    quorum = (HolderIndex(1), HolderIndex(3))
    blinded = oprf.blind([b"a"]).elements
    held = TWO_OF_THREE.answers_for(HolderIndex(3), quorum)
    for purpose, epoch in ((PurposeId("victim-protection"), EPOCH), (PURPOSE, Epoch(EPOCH + 1))):
        key = threshold.combined_share(seeds, purpose, epoch, held)
        evaluated, proof = oprf.evaluate(key, base(key), blinded)
        with pytest.raises(VerificationError):
            oprf.verify(keys.public(HolderIndex(3), quorum), blinded, evaluated, proof)


def test_answers_of_unequal_length_are_a_bug() -> None:
    """Combining never cuts to the shorter answer."""
    point = base(random_scalar())
    with pytest.raises(ValueError, match="shorter"):
        threshold.combine({HolderIndex(1): [point, point], HolderIndex(2): [point]})


def test_answers_that_cancel_are_refused() -> None:
    """Two answers that add up to the identity would give everybody one pseudonym, so they are refused."""
    one = random_scalar()
    minus = scalar_from_bytes((ORDER - int.from_bytes(one.encoded, "little")).to_bytes(32, "little"))
    with pytest.raises(VerificationError) as refusal:
        threshold.combine({HolderIndex(1): [base(one)], HolderIndex(2): [base(minus)]})
    assert refusal.value.code is Code.PROOF_INVALID


class TestAgreement:
    """What the key-holders state about one purpose and epoch."""

    def test_honest_statements_agree(self) -> None:
        """The statements of all honest key-holders, in any order, give every set's point."""
        seeds = seeds_for(TWO_OF_THREE)
        keys = threshold.agree(statements(seeds)[::-1], TWO_OF_THREE, PURPOSE, EPOCH)
        assert isinstance(keys, KeySet)
        assert dict(keys.points) == {m: threshold.share_point(s, PURPOSE, EPOCH) for m, s in seeds.items()}

    def test_a_repeated_statement_changes_nothing(self) -> None:
        """The same statement twice, as after a restart, is no conflict."""
        said = statements(seeds_for(TWO_OF_THREE))
        assert threshold.agree([*said, said[0]], TWO_OF_THREE, PURPOSE, EPOCH).sharing == TWO_OF_THREE

    @pytest.mark.parametrize("liar", [1, 2, 3])
    def test_members_that_disagree(self, liar: int) -> None:
        """When one member of a set states another point than the rest, nobody's key is used."""
        seeds = seeds_for(TWO_OF_THREE)
        said = statements(seeds)
        own = TWO_OF_THREE.sets_of(HolderIndex(liar))[0]
        said[liar - 1] = statement(liar, seeds | {own: threshold.draw_seed()}, TWO_OF_THREE)
        refused(said, Code.KEY_STATEMENT_CONFLICT)

    def test_one_key_holder_that_says_two_things(self) -> None:
        """Two different statements of one key-holder are a conflict, also where nobody else knows the set's point."""
        sharing = Sharing(1, 1)
        said = [statement(1, seeds_for(sharing), sharing) for _ in range(2)]
        refused(said, Code.KEY_STATEMENT_CONFLICT, sharing)

    @pytest.mark.parametrize("silent", [0, 1, 2])
    def test_a_missing_statement(self, silent: int) -> None:
        """Without every key-holder's word the agreement is not whole."""
        said = statements(seeds_for(TWO_OF_THREE))
        del said[silent]
        refused(said, Code.KEY_STATEMENT_INVALID)

    @pytest.mark.parametrize(
        "change",
        [
            {"purpose": "victim-protection"},
            {"epoch": EPOCH + 1},
            {"threshold": 3},
            {"holders": 4},
            {"holder": 2},
            {"holder": 9},
        ],
        ids=lambda change: "-".join(f"{k}-{v}" for k, v in change.items()),
    )
    def test_a_statement_about_something_else(self, change: dict[str, Any]) -> None:
        """A statement about another purpose, epoch or sharing, or in another's name, does not count."""
        first, *rest = statements(seeds_for(TWO_OF_THREE))
        refused([first.model_copy(update=change), *rest], Code.KEY_STATEMENT_INVALID)

    @pytest.mark.parametrize("bad", ["a set left out", "a set twice", "another order", "another's set"])
    def test_other_sets_than_its_own(self, bad: str) -> None:
        """A statement lists exactly the sets of its key-holder, each once and in order."""
        seeds = seeds_for(TWO_OF_THREE)
        first, second, third = statements(seeds)
        a, b = first.points
        points = {
            "a set left out": (a,),
            "a set twice": (a, a),
            "another order": (b, a),
            "another's set": (a, third.points[-1]),
        }[bad]
        refused([first.model_copy(update={"points": points}), second, third], Code.KEY_STATEMENT_INVALID)

    @pytest.mark.parametrize("raw", [bytes(32), b"\xff" * 32], ids=["identity", "not canonical"])
    def test_a_point_that_is_none(self, raw: bytes) -> None:
        """A share whose point is the identity or not canonical is no share."""
        first, *rest = statements(seeds_for(TWO_OF_THREE))
        points = (SetPoint(members=first.points[0].members, point=raw), first.points[1])
        refused([first.model_copy(update={"points": points}), *rest], Code.KEY_STATEMENT_INVALID)

    def test_points_that_cancel(self) -> None:
        """Shares that add up to nothing would give everybody one pseudonym, so their statements are refused."""
        sharing = Sharing(2, 2)
        one = base(scalar_from_bytes((1).to_bytes(32, "little")))
        minus = base(scalar_from_bytes((ORDER - 1).to_bytes(32, "little")))
        said = [
            statement(holder, seeds_for(sharing), sharing).model_copy(
                update={"points": (SetPoint(members=(HolderIndex(holder),), point=point.encoded),)}
            )
            for holder, point in ((1, one), (2, minus))
        ]
        refused(said, Code.KEY_STATEMENT_INVALID, sharing)

    def test_points_that_cancel_within_one_answer(self) -> None:
        """Points that cancel in one key-holder's part of a quorum are refused as that quorum's public point."""
        one = base(scalar_from_bytes((1).to_bytes(32, "little")))
        minus = base(scalar_from_bytes((ORDER - 1).to_bytes(32, "little")))
        points = dict(zip(TWO_OF_THREE.sets, (one, minus, one), strict=True))
        with pytest.raises(VerificationError) as refusal:
            threshold.quorum_public(points, HolderIndex(1), (HolderIndex(1), HolderIndex(2)), TWO_OF_THREE)
        assert refusal.value.code is Code.KEY_STATEMENT_INVALID

    def test_the_agreed_points_cannot_be_changed(self) -> None:
        """What was verified stays as it was verified."""
        keys = threshold.agree(statements(seeds_for(TWO_OF_THREE)), TWO_OF_THREE, PURPOSE, EPOCH)
        with pytest.raises(TypeError):
            keys.points[TWO_OF_THREE.sets[0]] = base(random_scalar())  # type: ignore[index]


class TestSeeds:
    """Seeds and what follows from them."""

    def test_ratchet_steps_add_up(self) -> None:
        """Three steps are one and two, and none is the seed itself."""
        seed = threshold.draw_seed()
        assert threshold.ratchet_by(threshold.ratchet(seed), 2) == threshold.ratchet_by(seed, 3)
        assert threshold.ratchet_by(seed, 0) == seed

    def test_the_past_is_closed(self) -> None:
        """Nobody asks for an earlier epoch's seed by mistake."""
        with pytest.raises(ValueError, match="earlier"):
            threshold.ratchet_by(threshold.draw_seed(), -1)

    def test_shares_differ(self) -> None:
        """Another purpose, epoch or seed gives an unrelated share."""
        seed, other = threshold.draw_seed(), threshold.draw_seed()
        victim = PurposeId("victim-protection")
        shares = [
            threshold.share(seed, PURPOSE, EPOCH),
            threshold.share(seed, victim, EPOCH),
            threshold.share(seed, PURPOSE, Epoch(EPOCH + 1)),
            threshold.share(other, PURPOSE, EPOCH),
        ]
        assert len(set(shares)) == len(shares)

    def test_a_combined_share_is_the_sum(self) -> None:
        """A key-holder that answers for two sets multiplies by the sum of their shares."""
        seeds = seeds_for(TWO_OF_THREE)
        first, second, _ = TWO_OF_THREE.sets
        one, two = (threshold.share(seeds[members], PURPOSE, EPOCH) for members in (first, second))
        assert threshold.combined_share(seeds, PURPOSE, EPOCH, [first, second]) == add_scalars(one, two)

    def test_a_missing_seed_is_a_bug(self) -> None:
        """A key-holder never answers for less than its sets."""
        seeds = seeds_for(TWO_OF_THREE)
        del seeds[TWO_OF_THREE.sets[1]]
        with pytest.raises(ValueError, match="no seed"):
            threshold.combined_share(seeds, PURPOSE, EPOCH, TWO_OF_THREE.sets)

    def test_fingerprints(self) -> None:
        """A fingerprint is eight groups of four digits, the same for the same seed, another for another."""
        seed = threshold.draw_seed()
        spoken = threshold.fingerprint(seed)
        assert [len(group) for group in spoken.split(" ")] == [4] * 8
        assert spoken == threshold.fingerprint(Seed(seed.encoded)) != threshold.fingerprint(threshold.draw_seed())
        assert spoken.replace(" ", "") not in seed.encoded.hex()

    def test_seeds_hide_themselves(self) -> None:
        """Neither the text nor the repr of a seed shows it."""
        seed = threshold.draw_seed()
        assert repr(seed) == str(seed) == "Seed()"

    @pytest.mark.parametrize("length", [0, 31, 33])
    def test_a_seed_has_32_bytes(self, length: int) -> None:
        """Bytes of another length are no seed."""
        with pytest.raises(ValueError, match="32 bytes"):
            Seed(bytes(length))
