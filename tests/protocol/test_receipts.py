# SPDX-License-Identifier: EUPL-1.2
"""Receipts: every event has one, it holds for good, and each thing that can be wrong with it has its own code."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from protocol.checkpoint import LogSigner, add_cosignatures, cosign, open_signed, sign_checkpoint
from protocol.commitments import open_entry, without_subject
from protocol.encoding import canonical_json
from protocol.errors import Code, SluisError
from protocol.messages import Opening, parse
from protocol.receipts import ReceiptTerms, read_receipt, verify_receipt
from protocol.tlog_proof import MAX_FILE, TlogProof, parse_tlog_proof
from tests.fakes.covenants import make_covenant, seed_of
from tests.fakes.receipt_log import ReceiptLog, openings

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
KIT = make_covenant(now=NOW)
TERMS = ReceiptTerms.of(KIT.covenant)
OPENINGS = openings()
WITNESSES = list(KIT.witness_signers.values())


ALL = ReceiptLog(KIT, list(OPENINGS.values()))
RAW = ALL.receipt(2)


def _code(raw: bytes, *terms: ReceiptTerms) -> Code:
    with pytest.raises(SluisError) as caught:
        verify_receipt(raw, terms or (TERMS,))
    return caught.value.code


def _bent(raw: bytes = RAW, **parts) -> bytes:
    return replace(parse_tlog_proof(raw), **parts).to_text().encode()


def _said(**changed) -> bytes:
    """Return the receipt with another opening in it."""
    opening = json.loads(parse_tlog_proof(RAW).extra or b"")
    return _bent(extra=canonical_json(opening | changed))


@pytest.mark.parametrize("index", range(len(OPENINGS)), ids=list(OPENINGS))
def test_every_kind_of_event_has_a_receipt(index):
    """A receipt of any event of the closed list proves it: the event, its place, the log, who saw it and when."""
    found = verify_receipt(ALL.receipt(index), [TERMS])
    assert type(found.event).__name__ == list(OPENINGS)[index]
    assert (found.index, found.erased, found.terms) == (index, False, TERMS)
    assert (found.cosigned.checkpoint.origin, found.cosigned.checkpoint.size) == (TERMS.log.name, len(OPENINGS))
    assert found.cosigned.cosigners == tuple(one.key.name for one in WITNESSES[:2])
    assert found.cosigned.cosigned_at == int(NOW.timestamp())


@pytest.mark.parametrize("index", range(len(OPENINGS)), ids=list(OPENINGS))
def test_a_receipt_without_its_subject_part_holds(index):
    """A receipt whose subject part was erased proves the rest, says that it was, and shows nothing of it."""
    raw = ALL.receipt(index, bare=True)
    found = verify_receipt(raw, [TERMS])
    assert found.erased
    whole = verify_receipt(ALL.receipt(index), [TERMS]).event
    assert found.event == replace(whole, subject=type(whole.subject)())
    subject = ALL.held[index].subject or {}
    told = read_receipt(raw).proof.extra or b""
    for value in (*subject.get("signalIds", ()), *subject.get("tagDigests", ())):
        assert value.encode() not in told


def test_a_receipt_holds_after_the_log_grew():
    """A receipt of an early checkpoint stays true however long the log becomes, and so does one of a later one."""
    log = ReceiptLog(KIT, list(OPENINGS.values())[:3])
    early = log.receipt(1)
    log.grow(list(OPENINGS.values()))
    late = log.receipt(1)
    first, second = verify_receipt(early, [TERMS]), verify_receipt(late, [TERMS])
    assert (first.event, first.index) == (second.event, second.index)
    assert first.cosigned.checkpoint.size < second.cosigned.checkpoint.size


def test_a_receipt_holds_after_the_covenant_changed():
    """Under a later covenant with other witnesses, a receipt holds by the keys of the version that had its own."""
    keys = tuple(type(WITNESSES[0])(f"new.example/{i}", seed_of(f"new {i}")).key for i in range(3))
    later = replace(TERMS, version="later", sha256="cd" * 32, witnesses=keys)
    assert verify_receipt(RAW, [later, TERMS]).terms == TERMS
    assert _code(RAW, later) is Code.QUORUM_MISSING


def test_the_events_own_version_goes_first():
    """When several versions have the same keys, the one that the event names is said to be the one."""
    event = verify_receipt(RAW, [TERMS]).event
    own = replace(TERMS, version=event.act.covenant.version, sha256=event.act.covenant.sha256)
    assert verify_receipt(RAW, [TERMS, own]).terms == own


def test_nothing_is_believed_without_terms():
    """Without any covenant nothing holds."""
    with pytest.raises(SluisError) as caught:
        verify_receipt(RAW, [])
    assert caught.value.code is Code.LOG_UNKNOWN


@pytest.mark.parametrize("raw", [b"", b"x", b"{}", RAW[:100], RAW.replace(b"index", b"place"), RAW + b"\xff"])
def test_what_is_no_receipt(raw):
    """A file that is none is called malformed."""
    assert _code(raw) is Code.MALFORMED


def test_a_proof_of_something_else_is_no_receipt():
    """A tlog-proof without extra data says nothing about its entry, so it is no receipt."""
    assert _code(_bent(extra=None)) is Code.MALFORMED


def test_a_file_that_is_too_large():
    """A file larger than any receipt is refused unread."""
    assert _code(b"x" * (MAX_FILE + 1)) is Code.TOO_LARGE


@pytest.mark.parametrize(
    "raw",
    [
        _bent(extra=b"x"),
        _bent(extra=b"{}"),
        _bent(extra=b"[" * 5_000),
        _bent(extra=(parse_tlog_proof(RAW).extra or b"") + b" "),
        _bent(extra=b'{"record":{},' + (parse_tlog_proof(RAW).extra or b"")[1:]),
        _said(record={"event": 99}),
        _said(record={"event": 3, "operation": "collection", "price": float("1e99")}),
        _said(subjectHash="A" * 43),
        _said(more=1),
    ],
)
def test_an_opening_that_is_none(raw):
    """A receipt whose opening is none of ours, or not in its one form, cannot be read, whatever its proof."""
    assert _code(raw) is Code.RECEIPT_INVALID


def test_a_changed_word_is_not_in_the_log():
    """A receipt that says something else than the log has does not lead to its root."""
    record = json.loads(parse_tlog_proof(RAW).extra or b"")["record"]
    assert _code(_said(record=record | {"agency": "probation-oost"})) is Code.PROOF_INVALID
    assert _code(_said(recordSalt="A" * 43)) is Code.PROOF_INVALID


def test_another_subject_hash_is_not_in_the_log():
    """Who leaves the subject part out cannot put another hash in its place."""
    opening = parse(Opening, parse_tlog_proof(RAW).extra or b"")
    bare = without_subject(opening).model_copy(update={"subject_hash": bytes(32)})
    assert open_entry(bare).erased
    assert _code(_bent(extra=canonical_json(json.loads(bare.to_json())))) is Code.PROOF_INVALID


@pytest.mark.parametrize("change", [{"index": 3}, {"index": 10**6}, {"hashes": ()}, {"hashes": (bytes(32),) * 4}])
def test_another_place_or_path(change):
    """Another index or path does not lead to the root either."""
    assert _code(_bent(**change)) is Code.PROOF_INVALID


def test_another_log():
    """A receipt of another log says so, also when its witnesses are the same."""
    other = LogSigner("other.example/log", seed_of("other"))
    head = open_signed(ALL.log.checkpoint(0), TERMS.log).checkpoint
    theirs = replace(head, origin=other.key.name)
    note = add_cosignatures(sign_checkpoint(theirs, other), [cosign(theirs, one, NOW) for one in WITNESSES])
    assert _code(_bent(checkpoint=note)) is Code.LOG_UNKNOWN
    assert verify_receipt(_bent(checkpoint=note), [TERMS, replace(TERMS, log=other.key)]).terms.log == other.key


def test_a_log_that_did_not_sign():
    """A checkpoint in the log's name that its key did not sign is not valid, however many witnesses saw it."""
    impostor = LogSigner(TERMS.log.name, seed_of("impostor"))
    head = open_signed(ALL.log.checkpoint(0), TERMS.log).checkpoint
    note = add_cosignatures(sign_checkpoint(head, impostor), [cosign(head, one, NOW) for one in WITNESSES])
    assert _code(_bent(checkpoint=note)) is Code.CHECKPOINT_INVALID


@pytest.mark.parametrize("bend", [lambda note: note.replace("\n14\n", "\n15\n"), lambda note: note[:-20] + "\n"])
def test_a_bent_checkpoint(bend):
    """A checkpoint that was changed or cut is not valid."""
    note = parse_tlog_proof(RAW).checkpoint.replace(f"\n{len(OPENINGS)}\n", "\n14\n")
    assert _code(_bent(checkpoint=bend(note))) is Code.CHECKPOINT_INVALID


def test_too_few_witnesses():
    """A checkpoint that one witness of the needed two saw proves nothing yet."""
    assert _code(ALL.receipt(2, witnesses=1)) is Code.QUORUM_MISSING
    assert _code(ALL.receipt(2, witnesses=0)) is Code.QUORUM_MISSING


def test_a_receipt_has_one_form():
    """A receipt written twice is the same file, and reads back as the opening that it was made of."""
    assert ALL.receipt(2) == RAW
    opening = parse(Opening, parse_tlog_proof(RAW).extra or b"")
    assert opening == list(OPENINGS.values())[2]
    assert (
        TlogProof(2, ALL.evidence(2).proof, ALL.log.checkpoint(), parse_tlog_proof(RAW).extra).to_text() == RAW.decode()
    )
