# SPDX-License-Identifier: EUPL-1.2
"""The witness's decision: every answer of C2SP tlog-witness, and that only consistent heads are ever accepted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.checkpoint import Checkpoint, LogSigner, sign_checkpoint
from protocol.merkle import EMPTY_ROOT, Frontier, append
from protocol.note import b64
from protocol.tiles import consistency_proof
from protocol.witness_rules import (
    MAX_REQUEST,
    SIZE_TYPE,
    WitnessDecision,
    format_add_checkpoint,
    parse_conflict,
    witness_update,
)

LOG = LogSigner("log.example", bytes(32))
ROWS = {g.tile: g.hashes for g in append(Frontier(), (b"%d" % i for i in range(600))).growth}


def _head(size: int, branch: bytes = b"") -> Checkpoint:
    return Checkpoint(LOG.key.name, size, append(Frontier(), (branch + b"%d" % i for i in range(size))).root)


def _note(size: int, branch: bytes = b"") -> str:
    return sign_checkpoint(_head(size, branch), LOG)


def _ask(last: Checkpoint | None, old: int, proof: tuple[bytes, ...], note: str) -> WitnessDecision:
    return witness_update(last, format_add_checkpoint(old, proof, note), LOG.key)


def _proof(old: int, new: int) -> tuple[bytes, ...]:
    return consistency_proof(old, new, ROWS) if old else ()


def _refused(decision: WitnessDecision, status: int) -> None:
    assert decision.status == status
    assert decision.new_checkpoint is None


@settings(deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=5))
def test_an_honest_log_is_followed(steps):
    """A log that only grows, or stays, is accepted at every step, from nothing on."""
    last, size = None, 0
    for step in steps:
        old, size = size, min(600, size + step)
        decision = _ask(last, old, _proof(old, size), _note(size))
        assert decision.status == 200
        assert decision.new_checkpoint == _head(size)
        last = decision.new_checkpoint


def test_the_request_has_the_form_of_the_standard():
    """A request is the old size, a line a hash, a blank line and the note."""
    proof = _proof(3, 7)
    lines = "".join(b64(digest) + "\n" for digest in proof)
    assert format_add_checkpoint(3, proof, _note(7)) == f"old 3\n{lines}\n{_note(7)}".encode()


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"old 3",
        b"old 3\n\n",
        b"old 03\n\n" + _note(7).encode(),
        b"old -3\n\n" + _note(7).encode(),
        b"new 3\n\n" + _note(7).encode(),
        b"old 3\nAAAA\n\n" + _note(7).encode(),
        b"old 3\n" + b"A" * 44 + b"\n\n" + _note(7).encode(),
        b"old 3\n" + (b64(bytes(32)) + "\n").encode() * 64 + b"\n" + _note(7).encode(),
        b"old 3\n\n" + _head(7).text.encode(),
        b"old 3\n\n\xff" + _note(7).encode(),
        b"old 3\n\n" + b"x" * MAX_REQUEST,
    ],
)
def test_400_for_what_is_no_request(request_):
    """Anything that is not a request of the standard's form is answered with 400."""
    _refused(witness_update(_head(3), request_, LOG.key), 400)


def test_400_for_an_old_size_above_the_new():
    """A request that goes back says 400."""
    _refused(_ask(_head(7), 7, (), _note(3)), 400)


def test_400_for_a_checkpoint_that_cannot_be():
    """A note that the log signed but that is no checkpoint is answered with 400."""
    text = f"{LOG.key.name}\nmany\nhashes\n"
    _refused(_ask(None, 0, (), f"{text}\n{LOG.sign(text)}"), 400)


def test_404_for_another_log():
    """An origin that the witness does not know is answered with 404."""
    other = LogSigner("other.example", bytes(32))
    _refused(_ask(None, 0, (), sign_checkpoint(Checkpoint("other.example", 0, EMPTY_ROOT), other)), 404)


def test_403_without_the_logs_signature():
    """A note not signed by the log, or whose signature by the log fails, is answered with 403."""
    stranger = LogSigner(LOG.key.name, b"s" * 32)
    _refused(_ask(None, 0, (), sign_checkpoint(_head(3), stranger)), 403)
    text = _head(4).text
    _refused(_ask(None, 0, (), f"{text}\n{LOG.sign(_head(3).text)}"), 403)
    _refused(_ask(None, 0, (), _note(4) + LOG.sign(_head(3).text)), 403)


@pytest.mark.parametrize(("last", "old"), [(None, 3), (5, 3), (3, 5), (5, 0)])
def test_409_tells_the_size_seen_last(last, old):
    """An old size that is not the last one seen is answered with 409 and that size, in its own media type."""
    decision = _ask(_head(last) if last else None, old, _proof(old, 9), _note(9))
    _refused(decision, 409)
    assert decision.content_type == SIZE_TYPE
    assert decision.body == f"{last or 0}\n".encode()
    assert parse_conflict(decision.body) == (last or 0)


def test_422_for_inconsistent_trees():
    """A wrong proof, a proof from nothing, and another history are answered with 422."""
    _refused(_ask(_head(5), 5, _proof(5, 9)[:-1], _note(9)), 422)
    _refused(_ask(_head(5), 5, _proof(5, 9), _note(9, b"other ")), 422)
    _refused(_ask(None, 0, (bytes(32),), _note(9)), 422)
    _refused(_ask(_head(9), 9, (bytes(32),), _note(9)), 422)


def test_422_for_an_empty_tree_with_another_root():
    """A checkpoint of size 0 with a root that is not empty is answered with 422."""
    text = f"{LOG.key.name}\n0\n{b64(bytes(32))}\n"
    _refused(_ask(None, 0, (), f"{text}\n{LOG.sign(text)}"), 422)


def test_two_roots_of_one_size_are_kept_as_evidence():
    """When the log signs another root for the size seen last, the decision carries that note, and only then."""
    decision = _ask(_head(9), 9, (), _note(9, b"other "))
    _refused(decision, 422)
    assert decision.contradiction == _note(9, b"other ")
    assert _ask(_head(5), 5, (), _note(9)).contradiction is None


def test_evidence_is_kept_whatever_old_size_comes_with_it():
    """A note that denies the last one is evidence also when the request says another old size and gets a 409."""
    decision = _ask(_head(9), 3, _proof(3, 9), _note(9, b"other "))
    _refused(decision, 409)
    assert decision.contradiction == _note(9, b"other ")
    assert _ask(_head(9), 3, _proof(3, 9), _note(9)).contradiction is None


def test_evidence_holds_only_what_the_log_signed():
    """Whoever sends a contradiction cannot fill the witness's disk with lines of his own under it."""
    junk = "".join(LogSigner(f"n{i}.example", bytes(32)).sign("x") for i in range(9))
    line = _note(9, b"other ").rpartition("\n\n")[2]
    decision = _ask(_head(9), 9, (), _note(9, b"other ") + junk + line)
    assert decision.contradiction == _note(9, b"other ")


def test_the_same_head_again_is_cosigned_again():
    """A witness asked twice for the same head answers twice, so that a lost answer can be had again."""
    decision = _ask(_head(9), 9, (), _note(9))
    assert decision.status == 200
    assert decision.new_checkpoint == _head(9)


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"old 3\n\n", b"old 3\n", format_add_checkpoint(3, (), _note(7))])
)
def test_hostile_requests_never_crash_and_never_pass(tail, start):
    """No appended or arbitrary bytes make a witness that saw size 3 accept anything or fail."""
    assert witness_update(_head(3), start + tail, LOG.key).new_checkpoint is None


@pytest.mark.parametrize("body", [b"", b"x\n", b"1\n\n", b"-1\n", b"\xff", b"01\n"])
def test_a_malformed_409_is_refused(body):
    """A conflict answer that is not one size on one line is not read."""
    with pytest.raises(ValueError, match=r"size|decode"):
        parse_conflict(body)
