# SPDX-License-Identifier: EUPL-1.2
"""Signed notes, checkpoints and cosignatures, against public examples and hostile input."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.checkpoint import (
    Checkpoint,
    LogKey,
    LogSigner,
    WitnessKey,
    WitnessSigner,
    add_cosignatures,
    cosign,
    decode_note,
    open_checkpoint,
    open_signed,
    parse_checkpoint,
    parse_size,
    read_cosignatures,
    sign_checkpoint,
)
from protocol.errors import Code, InputError, VerificationError
from protocol.merkle import EMPTY_ROOT
from protocol.note import MAX_NOTE, MAX_SIGNATURES, parse_note, unbase64, verify_note

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/checkpoint.json").read_text())
PUBLIC = VECTORS["checkpoint"]
LOG = LogSigner("log.example/sluis", bytes(range(32)))
WITNESSES = [WitnessSigner(f"holder-{i}.example", bytes([i]) * 32) for i in range(3)]
KEYS = [witness.key for witness in WITNESSES]
MOMENT = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
HEAD = Checkpoint("log.example/sluis", 5, b"r" * 32)
NOTE = sign_checkpoint(HEAD, LOG)
COSIGNED = add_cosignatures(NOTE, [cosign(HEAD, witness, MOMENT) for witness in WITNESSES[:2]])


@pytest.mark.parametrize("case", VECTORS["notes"], ids=lambda case: case["source"])
def test_public_notes_verify(case):
    """The example notes of C2SP and of Go verify under their keys, and a changed text does not."""
    key = LogKey.parse(case["vkey"])
    assert key.vkey == case["vkey"]
    verify_note(parse_note(case["note"]), key)
    with pytest.raises(VerificationError):
        verify_note(parse_note("x" + case["note"]), key)


def test_gos_signer_makes_the_same_note():
    """Signing with the published private key gives Go's note byte for byte."""
    case = VECTORS["notes"][1]
    seed = unbase64(case["signerKey"].split("+", 4)[4])[1:]
    signer = LogSigner("PeterNeumann", seed)
    text = parse_note(case["note"]).text
    assert signer.key.vkey == case["vkey"]
    assert f"{text}\n{signer.sign(text)}" == case["note"]


def test_a_public_log_with_four_public_witnesses():
    """A real checkpoint with a line of an unknown kind counts when all four of its real witnesses are asked for."""
    log = LogKey.parse(PUBLIC["log"])
    witnesses = [WitnessKey.parse(vkey) for vkey in PUBLIC["witnesses"]]
    found = open_checkpoint(PUBLIC["note"], log, witnesses, 4)
    assert found.checkpoint.size == PUBLIC["size"]
    assert found.cosigners == tuple(key.name for key in witnesses)
    assert found.cosigned_at == PUBLIC["cosignedAt"]
    assert [key.vkey for key in witnesses] == PUBLIC["witnesses"]
    for old, new in (
        (str(PUBLIC["size"]), "42"),
        ("remora.n621.de 2net5wAAAABqEiEgP", "remora.n621.de 2net5wAAAABqEiEhP"),
    ):
        with pytest.raises(VerificationError) as caught:
            open_checkpoint(PUBLIC["note"].replace(old, new), log, witnesses, 3)
        assert caught.value.code is Code.CHECKPOINT_INVALID


@pytest.mark.parametrize("case", VECTORS["brokenVkeys"], ids=lambda case: case["fails"])
def test_broken_verifier_keys(case):
    """A verifier key with anything wrong is refused."""
    with pytest.raises(InputError):
        LogKey.parse(case["vkey"])


def test_kinds_of_keys_do_not_mix():
    """A log's key is not read as a witness's, and the same public key has another id for each kind."""
    with pytest.raises(InputError):
        WitnessKey.parse(LOG.key.vkey)
    assert LogKey("n", LOG.key.public).key_id != WitnessKey("n", LOG.key.public).key_id


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\u2003b", "a\tb", "a\ud800b"])
def test_names_that_no_key_has(name):
    """A key's name has no space of any alphabet, no plus, no control character, and is something."""
    with pytest.raises(ValueError, match="key"):
        LogKey(name, bytes(32))


def test_signers_hide_their_seed():
    """Neither signer shows its seed when printed."""
    for signer in (LOG, *WITNESSES):
        assert repr(signer).count("'") == 2
        assert signer.key.name in repr(signer)


def test_a_quorum_counts():
    """Two of three cosignatures satisfy a quorum of two, name the two, and say since when."""
    found = open_checkpoint(COSIGNED, LOG.key, KEYS, 2)
    assert found.checkpoint == HEAD
    assert found.note == COSIGNED
    assert found.cosigners == ("holder-0.example", "holder-1.example")
    assert found.cosigned_at == int(MOMENT.timestamp())


def test_cosigned_at_is_when_a_whole_quorum_had_seen_it():
    """The time is that of the slowest witness of the fastest quorum, and a witness's latest line counts."""
    lines = [WITNESSES[i].sign(HEAD.text, seconds) for i, seconds in ((0, 100), (0, 700), (1, 300), (2, 200))]
    note = add_cosignatures(NOTE, lines)
    assert [open_checkpoint(note, LOG.key, KEYS, quorum).cosigned_at for quorum in (1, 2, 3)] == [700, 300, 200]


def _code(*arguments) -> Code:
    with pytest.raises(VerificationError) as caught:
        open_checkpoint(*arguments)
    return caught.value.code


def test_a_missing_quorum_is_said():
    """One cosignature, however often repeated, is not two."""
    line = cosign(HEAD, WITNESSES[0], MOMENT)
    later = WITNESSES[0].sign(HEAD.text, 2_000_000_000)
    assert _code(NOTE + line + line + later, LOG.key, KEYS, 2) is Code.QUORUM_MISSING


def test_the_logs_own_signature_is_needed():
    """Cosignatures without the log's signature do not make a checkpoint."""
    without = "\n".join(line for line in COSIGNED.split("\n") if not line.startswith("— log.example"))
    assert _code(without, LOG.key, KEYS, 2) is Code.CHECKPOINT_INVALID


def test_unknown_keys_are_ignored():
    """Lines of strangers, also of a stranger with a known name, change nothing."""
    stranger = WitnessSigner("stranger.example", b"s" * 32)
    namesake = WitnessSigner("holder-2.example", b"n" * 32)
    note = add_cosignatures(COSIGNED, [cosign(HEAD, stranger, MOMENT), cosign(HEAD, namesake, MOMENT)])
    note += LogSigner(LOG.key.name, b"o" * 32).sign(HEAD.text)
    assert open_checkpoint(note, LOG.key, KEYS, 2).cosigners == ("holder-0.example", "holder-1.example")
    assert _code(note, LOG.key, KEYS, 3) is Code.QUORUM_MISSING


def test_a_known_key_that_fails_rejects_the_note():
    """A line in a known name and id that does not hold rejects a note that had its quorum without it."""
    other = Checkpoint(HEAD.origin, 6, HEAD.root)
    for line in (cosign(other, WITNESSES[2], MOMENT), LOG.sign(other.text)):
        assert _code(COSIGNED + line, LOG.key, KEYS, 2) is Code.CHECKPOINT_INVALID


@pytest.mark.parametrize("seconds", [0, 2**63])
def test_times_that_say_nothing_are_refused(seconds):
    """A cosignature at time zero or beyond the format's range rejects the note."""
    line = WITNESSES[2].sign(HEAD.text, seconds)
    assert _code(COSIGNED + line, LOG.key, KEYS, 2) is Code.CHECKPOINT_INVALID


def test_quorums_without_sense_are_our_own_bug():
    """A quorum of none, of more than there are, with one key under two names, or with the log's own is refused."""
    twin = WitnessKey("twin.example", KEYS[0].public)
    itself = WitnessKey("log-too.example", LOG.key.public)
    for keys, quorum in ((KEYS, 0), (KEYS, 4), ([KEYS[0], twin], 2), ([KEYS[0], itself], 2)):
        with pytest.raises(ValueError, match="quorum"):
            open_checkpoint(COSIGNED, LOG.key, keys, quorum)


def test_another_logs_checkpoint_is_refused():
    """A log's key does not vouch for another origin, and its signer does not sign one."""
    other = Checkpoint("other.example", 5, HEAD.root)
    note = f"{other.text}\n{LOG.sign(other.text)}"
    with pytest.raises(VerificationError):
        open_signed(note, LOG.key)
    with pytest.raises(ValueError, match="origin"):
        sign_checkpoint(other, LOG)


def test_the_empty_tree_has_one_root():
    """A checkpoint of size 0 with any root but that of nothing cannot exist."""
    assert parse_checkpoint(Checkpoint("o", 0, EMPTY_ROOT).text).size == 0
    with pytest.raises(ValueError, match="empty"):
        Checkpoint("o", 0, bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n5\n",
        "o\n5\ncnJy\n",
        HEAD.text + "an extension line\n",
        HEAD.text[:-1],
        HEAD.text.replace("\n5\n", "\n05\n"),
        HEAD.text.replace("\n5\n", "\n-5\n"),
        HEAD.text.replace("\n5\n", "\n+5\n"),
        HEAD.text.replace("\n5\n", "\n٥\n"),
        HEAD.text.replace("\n5\n", "\n99999999999999999999\n"),
        HEAD.text.replace("=", ""),
        HEAD.text.replace("=\n", "= \n"),
        "\n5\n" + HEAD.text.split("\n")[2] + "\n",
    ],
)
def test_texts_that_are_no_checkpoint(text):
    """Fewer or more lines, other numerals, a short or differently written root: all refused."""
    with pytest.raises(VerificationError) as caught:
        parse_checkpoint(text)
    assert caught.value.code is Code.CHECKPOINT_INVALID


def test_the_last_blank_line_splits():
    """A note's text may hold blank lines; what follows the last one are the signatures."""
    note = parse_note(f"first\n\n— not a signature\n\nlast\n\n{LOG.sign('x')}")
    assert note.text == "first\n\n— not a signature\n\nlast\n"
    assert [line.name for line in note.lines] == [LOG.key.name]


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        NOTE[:-1],
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—"),
        NOTE + "\n",
        NOTE + "— name !!!!\n",
        NOTE + "— name AAAAAA==\n",
        NOTE + "— name \n",
        NOTE + "—  AAAAAAAA\n",
        NOTE + "— a+b AAAAAAAA\n",
        NOTE + "\x00",
        "\ud800" + NOTE,
        "x" * MAX_NOTE + NOTE,
        NOTE + "— name AAAAAAAA\n" * MAX_SIGNATURES,
    ],
)
def test_notes_that_are_none(note):
    """Missing or malformed signature lines, control characters, and too much of anything are refused."""
    with pytest.raises(VerificationError) as caught:
        parse_note(note)
    assert caught.value.code is Code.CHECKPOINT_INVALID


@given(st.integers(0, len(COSIGNED.encode()) - 1), st.integers(1, 255))
def test_no_changed_byte_passes(at, change):
    """Changing any byte of a cosigned note makes a quorum of both its cosigners fail."""
    raw = bytearray(COSIGNED.encode())
    raw[at] ^= change
    with pytest.raises(VerificationError):
        open_checkpoint(decode_note(bytes(raw)), LOG.key, KEYS, 2)


@given(st.text(alphabet="ab\n +— =\x00\ud800é", max_size=60) | st.text(max_size=60))
def test_hostile_notes_never_crash(text):
    """Any text is either a note or refused with its code; what is read can be written back."""
    try:
        note = parse_note(text)
    except VerificationError:
        return
    assert text.startswith(note.text + "\n")


@given(st.binary(max_size=80))
def test_hostile_bytes_never_crash(raw):
    """Any bytes are either UTF-8 or refused as no note."""
    try:
        text = decode_note(raw)
    except VerificationError:
        return
    assert text.encode() == raw


@given(st.text(max_size=12) | st.integers(0, 10**17).map(str))
def test_sizes_have_one_form(text):
    """A size is read only in the form in which it is written."""
    try:
        size = parse_size(text)
    except ValueError:
        return
    assert str(size) == text


def test_a_witness_cannot_spoil_a_note():
    """Of a witness's answer only its own valid lines are taken; a line in another's name is dropped."""
    own = cosign(HEAD, WITNESSES[0], MOMENT)
    forged = cosign(Checkpoint(HEAD.origin, 6, HEAD.root), WITNESSES[1], MOMENT)
    assert read_cosignatures(NOTE, own + forged, KEYS[0]) == (own,)
    for answer in (forged, "", "\n\n" + own, own[:-1], "— x\n", forged.replace("holder-1", "holder-0")):
        with pytest.raises(VerificationError):
            read_cosignatures(NOTE, answer, KEYS[0])


def test_a_witness_gets_one_line_under_a_note():
    """A witness that answers with many valid cosignatures cannot make the note too long for its readers."""
    lines = [WITNESSES[0].sign(HEAD.text, seconds) for seconds in (300, 700, 100)]
    assert read_cosignatures(NOTE, "".join(lines), KEYS[0]) == (lines[1],)
    many = [WITNESSES[0].sign(HEAD.text, seconds) for seconds in range(1, MAX_SIGNATURES + 1)]
    note = add_cosignatures(NOTE, read_cosignatures(NOTE, "".join(many), KEYS[0]))
    assert open_checkpoint(note, LOG.key, KEYS, 1).cosigned_at == MAX_SIGNATURES


def test_cosignatures_are_added_once():
    """Adding a line that is there already changes nothing."""
    assert add_cosignatures(COSIGNED, [cosign(HEAD, WITNESSES[0], MOMENT)]) == COSIGNED
