# SPDX-License-Identifier: EUPL-1.2
"""Walking a log: honest ones hold from any point on, and each kind of dishonesty has its own name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.checkpoint import LogSigner, WitnessSigner
from protocol.errors import Code, VerificationError
from protocol.merkle import Frontier, append
from protocol.walk import Wanted, drive, drive_async, verify_continuation, verify_from_zero, verify_onward
from tests.fakes.served_log import ServedLog, leaf

SIGNER = LogSigner("log.example", bytes(32))
WITNESSES = [WitnessSigner(f"w{i}.example", bytes([i]) * 32) for i in range(2)]


def _log(size: int) -> ServedLog:
    return ServedLog(SIGNER, WITNESSES, size)


def _code(walk, log: ServedLog) -> Code:
    with pytest.raises(VerificationError) as caught:
        drive(walk, log.fetch)
    return caught.value.code


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700])
def test_an_honest_log_holds_from_zero(size):
    """Reading every entry gives the tree that the log signed."""
    log = _log(size)
    assert drive(verify_from_zero(log.head), log.fetch) == log.tree.frontier


@settings(deadline=None, max_examples=30)
@given(seen=st.integers(0, 600), more=st.integers(0, 600))
def test_an_honest_log_holds_onward(seen, more):
    """From any point seen before, the newer log holds, and only the new entries and the last bundle are read."""
    log = _log(seen)
    tree = log.tree.frontier
    log.grow(more)
    asked: list[Wanted] = []
    assert drive(verify_onward(tree, log.head), log.fetch, asked.append) == log.tree.frontier
    assert all(wanted.done >= seen // 256 * 256 for wanted in asked)
    assert len(asked) <= more // 256 + 3


@settings(deadline=None, max_examples=30)
@given(seen=st.integers(0, 600), more=st.integers(0, 600))
def test_an_honest_log_continues(seen, more):
    """Tiles alone show that an honest log begins with every tree it had."""
    log = _log(seen)
    old = log.head
    log.grow(more)
    drive(verify_continuation(old, log.head), log.fetch)


def test_progress_grows_to_the_total():
    """A walk says how many entries it has read, ascending, of how many."""
    log = _log(700)
    steps: list[Wanted] = []
    drive(verify_from_zero(log.head), log.fetch, steps.append)
    assert [(step.done, step.total) for step in steps] == [(0, 700), (256, 700), (512, 700)]


async def test_the_same_walk_runs_asynchronously():
    """An asynchronous reader gets the same tree and the same steps."""
    log = _log(300)
    steps: list[Wanted] = []

    async def fetch(path: str) -> bytes:
        return log.fetch(path)

    assert await drive_async(verify_from_zero(log.head), fetch, steps.append) == log.tree.frontier
    assert len(steps) == 2


def test_an_altered_entry_is_found_from_zero():
    """One entry that is not the signed one makes the log altered."""
    log = _log(300)
    log.leaves[17] = leaf(17, "other")
    assert _code(verify_from_zero(log.head), log) is Code.LOG_ALTERED


def test_an_altered_new_entry_is_found_onward():
    """An altered entry behind what was seen makes the log altered, not forked."""
    log = _log(300)
    tree = log.tree.frontier
    log.grow(300)
    log.leaves[400] = leaf(400, "other")
    assert _code(verify_onward(tree, log.head), log) is Code.LOG_ALTERED


def test_an_entry_of_another_form_is_an_alteration():
    """An entry that is no event's leaf is refused even if the log signed it."""
    for strange in (b"", b"\x01" * 64, b"\x02" + bytes(64)):
        log = _log(3)
        log.leaves[1] = strange
        log.sign()
        assert _code(verify_from_zero(log.head), log) is Code.LOG_ALTERED


@pytest.mark.parametrize("place", [0, 299])
@pytest.mark.parametrize("more", [1, 500])
def test_another_history_is_a_fork(place, more):
    """A log that signs a larger tree over other old entries is forked, wherever the change is."""
    log = _log(300)
    tree, old = log.tree.frontier, log.head
    log.leaves[place] = leaf(place, "other")
    log.grow(more)
    assert _code(verify_onward(tree, log.head), log) is Code.LOG_FORKED
    assert _code(verify_continuation(old, log.head), log) is Code.LOG_FORKED


def test_two_roots_of_one_size_are_a_fork():
    """The same size with another root is a fork, seen without reading anything."""
    log, other = _log(300), _log(299)
    other.grow(1, "other")
    tree, old = log.tree.frontier, log.head
    for walk in (verify_onward(tree, other.head), verify_continuation(old, other.head)):
        with pytest.raises(VerificationError) as caught:
            next(walk)
        assert caught.value.code is Code.LOG_FORKED


def test_a_smaller_log_is_rolled_back():
    """A head behind what was seen is a roll-back, seen without reading anything."""
    log, old = _log(299), _log(300)
    for walk in (verify_onward(old.tree.frontier, log.head), verify_continuation(old.head, log.head)):
        with pytest.raises(VerificationError) as caught:
            next(walk)
        assert caught.value.code is Code.LOG_ROLLED_BACK


def test_a_log_that_answers_differently_is_altered():
    """Entries that are right only the second time they are asked for make the log altered."""
    log = _log(300)
    tree = log.tree.frontier
    log.grow(10)
    asked: list[str] = []

    def lying(path: str) -> bytes:
        asked.append(path)
        body = log.fetch(path)
        return body[:-1] + bytes([body[-1] ^ 1]) if len(asked) == 2 else body

    with pytest.raises(VerificationError) as caught:
        drive(verify_onward(tree, log.head), lying)
    assert caught.value.code is Code.LOG_ALTERED


def test_a_hole_is_an_incomplete_log():
    """Missing, cut or padded bundles and tiles are an incomplete log."""
    log = _log(300)
    old = _log(200).head
    for change in (lambda body: body[:-1], lambda body: body + b"\0", lambda body: b""):
        with pytest.raises(VerificationError) as caught:
            drive(verify_from_zero(log.head), lambda path, change=change: change(log.fetch(path)))
        assert caught.value.code is Code.LOG_INCOMPLETE
    with pytest.raises(VerificationError) as caught:
        drive(verify_continuation(old, log.head), lambda path: b"")
    assert caught.value.code is Code.LOG_INCOMPLETE


def test_nothing_seen_yet_continues_into_anything():
    """Every log begins with the empty one, so that nothing needs reading."""
    log = _log(300)
    drive(verify_continuation(_log(0).head, log.head), lambda path: pytest.fail(path))
    assert drive(verify_onward(Frontier(), log.head), log.fetch) == append(Frontier(), log.leaves).frontier
