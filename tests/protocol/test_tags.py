# SPDX-License-Identifier: EUPL-1.2
"""Tags and envelope keys: the vectors, and what each is bound to."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol.ids import Epoch, KeyKind, PurposeId
from protocol.oprf import OUTPUT_BYTES
from protocol.tags import EnvelopeKey, derive, derive_all, match_input

OWN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "tags.json").read_text())
PURPOSE, EPOCH = PurposeId("offender-prevention"), Epoch(3)
OUTPUT = bytes(range(OUTPUT_BYTES))

kinds = st.from_regex(r"[a-z][a-z0-9-]{1,30}", fullmatch=True).map(KeyKind)
match_keys = st.tuples(kinds, st.text(max_size=50))


@pytest.mark.parametrize("vector", OWN["vectors"], ids=lambda v: f"{v['kind']}-{v['purpose']}-{v['epoch']}")
def test_own_vectors(vector: dict[str, Any]) -> None:
    """Input, tag and envelope key equal those of the separate program."""
    assert match_input(KeyKind(vector["kind"]), vector["normalForm"]).hex() == vector["input"]
    made = derive(bytes.fromhex(vector["output"]), PurposeId(vector["purpose"]), Epoch(vector["epoch"]))
    assert made.tag.hex() == vector["tag"]
    assert made.envelope_key.encoded.hex() == vector["envelopeKey"]


@given(match_keys, match_keys)
def test_different_match_keys_have_different_inputs(one: tuple[KeyKind, str], other: tuple[KeyKind, str]) -> None:
    """No two match keys share an input, wherever kind ends and value begins."""
    assume(one != other)
    assert match_input(*one) != match_input(*other)


def test_kind_and_value_do_not_run_together() -> None:
    """Moving a character from kind to value gives another input."""
    assert match_input(KeyKind("phone1"), "23") != match_input(KeyKind("phone"), "123")


def test_everything_derived_differs() -> None:
    """Another output, purpose or epoch gives another tag and another key, and a tag is never a key."""
    made = [
        derive(OUTPUT, PURPOSE, EPOCH),
        derive(OUTPUT[::-1], PURPOSE, EPOCH),
        derive(OUTPUT, PurposeId("victim-protection"), EPOCH),
        derive(OUTPUT, PURPOSE, Epoch(EPOCH + 1)),
    ]
    assert len({value for one in made for value in (one.tag, one.envelope_key.encoded)}) == 2 * len(made)


@given(st.lists(st.binary(min_size=OUTPUT_BYTES, max_size=OUTPUT_BYTES), max_size=5))
def test_a_batch_keeps_its_order(outputs: list[bytes]) -> None:
    """A batch gives in order what each output gives alone."""
    assert derive_all(outputs, PURPOSE, EPOCH) == [derive(output, PURPOSE, EPOCH) for output in outputs]


@pytest.mark.parametrize("length", [0, 32, 63, 65])
def test_an_output_has_64_bytes(length: int) -> None:
    """Anything but a whole OPRF output is refused."""
    with pytest.raises(ValueError, match="64 bytes"):
        derive(bytes(length), PURPOSE, EPOCH)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_envelope_key_has_32_bytes(length: int) -> None:
    """Bytes of another length are no envelope key."""
    with pytest.raises(ValueError, match="32 bytes"):
        EnvelopeKey(bytes(length))


def test_tags_and_keys_hide_themselves() -> None:
    """The repr of what is derived shows neither the pseudonym nor the key."""
    assert repr(derive(OUTPUT, PURPOSE, EPOCH)) == "TagAndKey(envelope_key=EnvelopeKey())"
