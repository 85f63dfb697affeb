# SPDX-License-Identifier: EUPL-1.2
"""Evidence packs: an honest one holds, and whatever its maker or its carrier changed about it is found and named."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.commitments import without_subject
from protocol.errors import Code, ConfigurationError, VerificationError
from protocol.event_search import EventFilters
from protocol.evidence_pack import VerifiedPack, read_pack, verify_pack
from protocol.ids import PartyId
from protocol.pack_parts import (
    CHECKPOINT,
    ENTRIES,
    MANIFEST,
    PROOFS,
    SIGNATURE,
    TABLE,
    PackEntries,
    PackProofs,
    covenant_file,
)
from protocol.stored_zip import read_zip, write_zip
from tests.fakes.covenants import amended, make_covenant
from tests.fakes.evidence_packs import AGENCY, BEGINS, EVIL, KIT, MOMENT, Bend, make_pack


@cache
def honest() -> bytes:
    """Return the honest pack."""
    return make_pack()


def check(raw: bytes) -> VerifiedPack:
    """Check a pack under the covenant."""
    return verify_pack(read_pack(raw), KIT.covenant)


def refused(raw: bytes) -> VerificationError:
    """Return why a pack does not hold."""
    with pytest.raises(VerificationError) as caught:
        check(raw)
    return caught.value


def test_an_honest_pack_holds():
    """Its entries are proven and read, an erased one with the entry that says so, and the export itself is there."""
    content = check(honest()).content
    assert [one.index for one in content.entries] == [1, 2, 3, 5, 6]
    assert [(one.subject_part, one.erased_by) for one in content.entries if one.index == 5] == [("erased", 6)]
    assert [one.index for one in content.beside] == [7]
    assert content.lacking == ()


def test_the_same_export_gives_the_same_bytes():
    """Two packs of the same entries and proofs are one file."""
    assert make_pack() == honest()


@given(st.data())
def test_any_changed_byte_is_found_and_its_file_named(data: st.DataObject):
    """Whichever byte of whichever file is another, the pack is refused, and the refusal names that file."""
    files = read_zip(honest())
    name = data.draw(st.sampled_from(sorted(name for name in files if files[name])))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    content = bytearray(files[name])
    content[place] ^= data.draw(st.integers(1, 255))
    error = refused(write_zip({**files, name: bytes(content)}))
    assert error.code in (Code.PACK_INVALID, Code.SIGNATURE_INVALID)
    if name not in (MANIFEST, SIGNATURE):
        assert name in error.detail
    else:
        assert MANIFEST in error.detail or SIGNATURE in error.detail


@given(st.data())
def test_any_changed_byte_of_the_archive_is_found(data: st.DataObject):
    """The same for the archive as it lies on a disk, between its files too."""
    place = data.draw(st.integers(0, len(honest()) - 1))
    bent = bytearray(honest())
    bent[place] ^= data.draw(st.integers(1, 255))
    assert refused(bytes(bent)).code in (Code.PACK_INVALID, Code.SIGNATURE_INVALID)


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE, ENTRIES, TABLE, PROOFS, CHECKPOINT, "summary.nl.html"])
def test_a_file_that_is_missing_is_named(name: str):
    """Leaving a file out is found, whichever it is."""
    files = read_zip(honest())
    del files[name]
    assert name in refused(write_zip(files)).detail


def test_a_file_too_many_is_named():
    """Nothing can be put beside what is signed."""
    assert "more.txt" in refused(write_zip({**read_zip(honest()), "more.txt": b""})).detail


def test_another_agencys_signature_does_not_count():
    """A pack is signed by who it says took it out."""
    assert refused(make_pack(Bend(signer=PartyId("care-linde")))).code is Code.SIGNATURE_INVALID


def test_a_checkpoint_that_too_few_witnesses_saw_proves_nothing():
    """One cosignature of the two that are needed is none."""
    assert refused(make_pack(Bend(cosigners=1))).code is Code.QUORUM_MISSING


def _without(index: int, *, proof: bool) -> Bend:
    def entries(held: PackEntries) -> PackEntries:
        return held.model_copy(update={"entries": tuple(one for one in held.entries if one.index != index)})

    def proofs(held: PackProofs) -> PackProofs:
        return held.model_copy(update={"proofs": tuple(one for one in held.proofs if not proof or one.index != index)})

    return Bend(entries=entries, proofs=proofs)


def _opening(index: int, change: Callable) -> Bend:
    def entries(held: PackEntries) -> PackEntries:
        rows = tuple(
            one.model_copy(update={"opening": change(one.opening)}) if one.index == index else one
            for one in held.entries
        )
        return held.model_copy(update={"entries": rows})

    return Bend(entries=entries)


def _says(opening, **changes):
    return opening.model_copy(update={"record": {**opening.record, **changes}})


def _swapped(held: PackEntries) -> PackEntries:
    one, two, *more = held.entries
    return held.model_copy(
        update={
            "entries": (
                one.model_copy(update={"opening": two.opening}),
                two.model_copy(update={"opening": one.opening}),
                *more,
            )
        }
    )


def _marked(index: int, by: int | None) -> Bend:
    def entries(held: PackEntries) -> PackEntries:
        rows = tuple(one.model_copy(update={"erased_by": by}) if one.index == index else one for one in held.entries)
        return held.model_copy(update={"entries": rows})

    return Bend(entries=entries)


@pytest.mark.parametrize(
    ("bend", "code", "said"),
    [
        (_opening(3, lambda one: _says(one, decision="allow")), Code.RECEIPT_INVALID, "Entry 3"),
        (_opening(3, lambda one: _says(one, event=99)), Code.RECEIPT_INVALID, "Entry 3"),
        (Bend(entries=_swapped), Code.RECEIPT_INVALID, "Entry 1"),
        (_without(6, proof=True), Code.PACK_INVALID, "lacks entry 6"),
        (_without(2, proof=False), Code.PACK_INVALID, "one path for each entry"),
        (_marked(5, 3), Code.ERASURE_UNPROVEN, "tells of no erasure"),
        (_marked(2, 6), Code.PACK_INVALID, "Entry 2 of the pack is said to be erased"),
        (Bend(manifest={"exports": ()}), Code.PACK_INVALID, "fewer exported entries"),
        (Bend(manifest={"exports": (6,)}), Code.PACK_INVALID, "entry 6"),
        (Bend(manifest={"log_purpose": "criminal-proceedings"}), Code.PACK_INVALID, "another export"),
        (Bend(manifest={"person": "somebody-else"}), Code.PACK_INVALID, "another export"),
        (Bend(manifest={"exported_at": MOMENT}), Code.PACK_INVALID, "another moment"),
        (Bend(manifest={"begins": MOMENT - timedelta(minutes=45)}), Code.PACK_INVALID, "Entry 1 is not of the period"),
        (Bend(manifest={"filters": EventFilters(operation="disclosure")}), Code.PACK_INVALID, "was asked for"),
        (Bend(manifest={"ends": BEGINS}), Code.PACK_INVALID, "ends before it begins"),
    ],
)
def test_what_an_exporter_signed_and_the_log_does_not_prove_is_found(bend: Bend, code: Code, said: str):
    """The signature is good; the entries, their order, erasures, the export and the period are held to the log."""
    error = refused(make_pack(bend))
    assert (error.code, said in error.detail) == (code, True), error.detail


def test_a_subject_part_may_be_left_out_without_an_erasure():
    """What is not for the reader's eyes is said to be left out, which is no erasure."""
    content = check(make_pack(_opening(2, without_subject))).content
    assert [one.subject_part for one in content.entries if one.index == 2] == ["left-out"]


def test_a_table_that_says_something_else_is_found():
    """The table is compared with the entries, cell by cell."""

    def files(held: dict[str, bytes]) -> dict[str, bytes]:
        return {**held, TABLE: held[TABLE].replace(b'"deny"', b'"allow"')}

    assert TABLE in refused(make_pack(Bend(files=files))).detail


def test_a_covenant_under_a_false_name_is_found():
    """A bundle is called by its own hash, and every bundle is one that the entries name."""
    name = covenant_file(hashlib.sha256(b"other").hexdigest())
    own = covenant_file(KIT.covenant.sha256)
    assert own in refused(make_pack(Bend(files=lambda held: {**held, own: held[own] + b" "}))).detail
    assert "no entry names" in refused(make_pack(Bend(files=lambda held: {**held, name: b"other"}))).detail


def test_an_act_dated_back_behind_its_checkpoint_is_found():
    """An entry that says to be hours older than one before it is an alarm, also when all its proofs hold."""

    def events(listed):
        late = listed[3]
        early = replace(late, act=replace(late.act, time=late.act.time - timedelta(hours=5)))
        return [*listed[:3], early, *listed[4:]]

    assert refused(make_pack(Bend(events=events))).code is Code.LOG_BACKDATED


def test_no_cell_is_a_formula():
    """What somebody wrote as a reason stands in the table as text for any spreadsheet."""
    rows = list(csv.DictReader(io.StringIO(read_zip(honest())[TABLE].decode(), newline="")))
    assert [row["index"] for row in rows] == ["1", "2", "3", "5", "6"]
    assert {row["text"] for row in rows} == {"", f"'{EVIL}"}
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@\t\r" and cell]
    assert rows[3]["subjectPart"] == "erased"
    assert json.loads(rows[4]["details"])["ground"] == "citizen-request"


def test_a_pack_is_checked_under_its_own_covenant():
    """A signed pack of another version is told apart from a false one, with the hash of the covenant to give; a key
    that was not yet valid signs nothing.
    """
    with pytest.raises(ConfigurationError, match="another version") as caught:
        verify_pack(read_pack(honest()), amended(KIT, "2026.9").covenant)
    assert KIT.covenant.sha256 in str(caught.value)
    later = make_covenant(now=MOMENT + timedelta(days=60)).covenant
    with pytest.raises(VerificationError, match=r"manifest\.sig") as false:
        verify_pack(read_pack(honest()), later)
    assert KIT.covenant.sha256 in str(false.value)
    assert check(honest()).key_id == f"{AGENCY}:1"
