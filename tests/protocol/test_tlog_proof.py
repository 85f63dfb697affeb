# SPDX-License-Identifier: EUPL-1.2
"""C2SP tlog-proof files: the same as another implementation writes, and nothing else is read."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.checkpoint import LogKey, open_signed
from protocol.errors import Code, InputError, SluisError
from protocol.merkle import MAX_SIZE, leaf_hash, verify_inclusion
from protocol.note import MAX_NOTE, b64, unbase64
from protocol.tlog_proof import HEADER, MAX_EXTRA, MAX_FILE, MAX_HASHES, TlogProof, parse_tlog_proof

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/tlog-proof.json").read_text())
HASH = b64(bytes(32))
NOTE = "log.example\n1\nx\n\n\u2014 log.example AAAA\n"
PROOFS = st.builds(
    TlogProof,
    index=st.integers(0, MAX_SIZE - 1),
    hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=MAX_HASHES).map(tuple),
    checkpoint=st.text(st.characters(exclude_categories=["Cs"]), max_size=200).map(lambda text: f"{text}\n"),
    extra=st.none() | st.binary(min_size=1, max_size=500),
)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_another_implementations_files(case):
    """Files that a Go implementation wrote are read, hold, and are written again byte for byte."""
    proof = parse_tlog_proof(case["text"].encode())
    extra = None if case["extra"] is None else unbase64(case["extra"])
    assert proof == TlogProof(case["index"], tuple(map(unbase64, case["hashes"])), case["checkpoint"], extra)
    assert proof.to_text() == case["text"]
    head = open_signed(proof.checkpoint, LogKey.parse(VECTORS["vkey"])).checkpoint
    verify_inclusion(leaf_hash(case["leaf"].encode()), proof.index, head.size, proof.hashes, head.root)


@given(PROOFS)
def test_what_is_written_is_read(proof):
    """Every proof comes back as it was, and its text has one form."""
    text = proof.to_text().encode()
    assert parse_tlog_proof(text) == proof
    assert len(text) <= MAX_FILE


@given(st.binary(max_size=300) | st.text().map(lambda text: f"{HEADER}\n{text}".encode()))
def test_hostile_bytes_are_refused_or_read_as_written(raw):
    """Whatever the bytes: an error of ours, or a proof whose text is those bytes."""
    found = _read(raw)
    assert found is None or found.to_text().encode() == raw


@given(PROOFS, st.data())
def test_a_bent_file_is_refused_or_another_proof(proof, data):
    """A changed byte never gives the same proof from another text."""
    raw = bytearray(proof.to_text().encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    assert _read(bytes(raw)) != proof


def _read(raw: bytes) -> TlogProof | None:
    try:
        return parse_tlog_proof(raw)
    except InputError as error:
        return None if error.code is Code.MALFORMED else pytest.fail("another code")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 0\n\n" + NOTE,
        f"{HEADER}\r\nindex 0\r\n\r\n" + NOTE,
        f" {HEADER}\nindex 0\n\n" + NOTE,
        f"{HEADER}\n\n" + NOTE,
        f"{HEADER}\nindex 0\n",
        f"{HEADER}\nindex 0\n\n",
        f"{HEADER}\nindex 0\n\nno newline at the end",
        f"{HEADER}\nindex\n\n" + NOTE,
        f"{HEADER}\nindex \n\n" + NOTE,
        f"{HEADER}\nindex 00\n\n" + NOTE,
        f"{HEADER}\nindex -1\n\n" + NOTE,
        f"{HEADER}\nindex +1\n\n" + NOTE,
        f"{HEADER}\nindex 1_0\n\n" + NOTE,
        f"{HEADER}\nindex \u0661\n\n" + NOTE,
        f"{HEADER}\nindex {MAX_SIZE}\n\n" + NOTE,
        f"{HEADER}\nindex 0 \n\n" + NOTE,
        f"{HEADER}\nIndex 0\n\n" + NOTE,
        f"{HEADER}\nindex 0\nextra AAAA\n\n" + NOTE,
        f"{HEADER}\nextra \nindex 0\n\n" + NOTE,
        f"{HEADER}\nextra AAA\nindex 0\n\n" + NOTE,
        f"{HEADER}\nextra AB==\nindex 0\n\n" + NOTE,
        f"{HEADER}\nextra AA AA\nindex 0\n\n" + NOTE,
        f"{HEADER}\nextra _-AA\nindex 0\n\n" + NOTE,
        f"{HEADER}\nextra AAAA\nextra AAAA\nindex 0\n\n" + NOTE,
        f"{HEADER}\nindex 0\n{HASH[:-4]}\n\n" + NOTE,
        f"{HEADER}\nindex 0\n{HASH}A\n\n" + NOTE,
        f"{HEADER}\nindex 0\n{HASH}\n{HASH[:-1]}\n\n" + NOTE,
        f"{HEADER}\nindex 0\n" + f"{HASH}\n" * (MAX_HASHES + 1) + "\n" + NOTE,
        f"{HEADER}\nindex 0\n\n" + "x" * MAX_NOTE + "\n",
        f"{HEADER}\nextra {b64(bytes(MAX_EXTRA + 1))}\nindex 0\n\n" + NOTE,
    ],
)
def test_files_that_are_none(text):
    """Each other form is refused with one stable code."""
    with pytest.raises(InputError) as caught:
        parse_tlog_proof(text.encode())
    assert caught.value.code is Code.MALFORMED


def test_bytes_that_are_no_text():
    """What is not UTF-8 is refused."""
    with pytest.raises(InputError) as caught:
        parse_tlog_proof(f"{HEADER}\nindex 0\n\n{NOTE}".encode() + b"\xff\n")
    assert caught.value.code is Code.MALFORMED


def test_too_large():
    """A file over the bound is refused before it is looked at; the largest proof fits."""
    with pytest.raises(SluisError) as caught:
        parse_tlog_proof(b"x" * (MAX_FILE + 1))
    assert caught.value.code is Code.TOO_LARGE
    largest = TlogProof(MAX_SIZE - 1, (bytes(32),) * MAX_HASHES, "\U00010000" * (MAX_NOTE - 1) + "\n", bytes(MAX_EXTRA))
    assert parse_tlog_proof(largest.to_text().encode()) == largest


@pytest.mark.parametrize(
    "parts",
    [
        {"index": -1},
        {"index": MAX_SIZE},
        {"hashes": (b"x",)},
        {"checkpoint": ""},
        {"checkpoint": "x"},
        {"checkpoint": "\ud800\n"},
        {"extra": b""},
        {"extra": bytes(MAX_EXTRA + 1)},
    ],
)
def test_a_proof_that_cannot_be_written(parts):
    """What no file could hold cannot be made."""
    with pytest.raises(ValueError, match=r"\w"):
        TlogProof(**({"index": 0, "hashes": (), "checkpoint": NOTE, "extra": None} | parts))
