# SPDX-License-Identifier: EUPL-1.2
"""The search for leaks: what it must find, and what it must leave alone."""

import base64
import hashlib
import random
from pathlib import Path

import pytest

from deploy.demo.leaks import Needles

SECRET = "Klaassen-Van Dam"


@pytest.mark.parametrize(
    ("form", "planted"),
    [
        ("plain", SECRET.encode()),
        ("plain", SECRET.upper().encode()),
        ("hex", SECRET.encode().hex().encode()),
        ("hex", SECRET.encode().hex().upper().encode()),
        ("base64", base64.b64encode(SECRET.encode())),
        ("base64", base64.b64encode(b"x" + SECRET.encode() + b"yy")),
        ("base64", base64.urlsafe_b64encode(b"xx" + SECRET.encode())),
        ("sha256", hashlib.sha256(SECRET.encode()).digest()),
        ("sha256 in hex", hashlib.sha256(SECRET.encode()).hexdigest().encode()),
        ("sha256 in base64", base64.urlsafe_b64encode(hashlib.sha256(SECRET.encode()).digest())),
    ],
)
@pytest.mark.parametrize("offset", [0, 3, 8, (1 << 24) - 5])
def test_every_form_is_found_wherever_it_stands(tmp_path: Path, form: str, planted: bytes, offset: int) -> None:
    """A value is found in each form, also across the border of two blocks."""
    noise = random.Random(1).randbytes(1 << 12)
    file = tmp_path / "data"
    file.write_bytes((noise * (offset // len(noise) + 1))[:offset] + planted + noise)
    found = Needles.of([SECRET, "other value"]).search({"data": file})
    assert (form, offset if form != "base64" else found[0].offset) in {(f.form, f.offset) for f in found}
    assert {f.value for f in found} == {Needles.of([SECRET, "other value"]).values.index(SECRET)}


def test_random_data_holds_nothing(tmp_path: Path) -> None:
    """Thousands of short names and numbers are not found by accident in random bytes or base64 text."""
    dice = random.Random(2)
    values = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(5_000)]
    values += [str(dice.randrange(10**6, 10**7)) for _ in range(5_000)]
    file = tmp_path / "data"
    file.write_bytes(dice.randbytes(4 << 20) + base64.urlsafe_b64encode(dice.randbytes(8 << 20)))
    assert Needles.of(values).search({"data": file}) == []


def test_a_short_name_is_found_as_a_word(tmp_path: Path) -> None:
    """A six-letter name counts as a word of its own and not as a part of one."""
    file = tmp_path / "data"
    file.write_bytes(b'{"n":"jansen"} xxjansenxx \x0fJansenABC 11234567 1234567')
    found = Needles.of(["jansen", "1234567"]).search({"data": file})
    assert [(f.value, f.offset) for f in sorted(found, key=lambda f: f.offset)] == [(1, 6), (0, 46)]


def test_the_end_of_a_digest_is_no_number(tmp_path: Path) -> None:
    """Digits at the edge of a hex or base64 word are that word's, and a number of its own is found."""
    file = tmp_path / "data"
    data = b'"a91234567" \\x00ff1234567\t 1234567ab {"n":1234567}'
    file.write_bytes(data)
    assert [f.offset for f in Needles.of(["1234567"]).search({"data": file})] == [data.rindex(b"1234567")]


def test_values_too_short_to_tell_from_accident_are_counted() -> None:
    """What cannot be searched for is said, not passed over."""
    assert Needles.of(["a", "bb", "longer one"]).too_short == 2


def test_a_short_name_is_told_from_random_bytes(tmp_path: Path) -> None:
    """Six random bytes that meet a name in mixed case or behind no separator are accident; what is written is found."""
    file = tmp_path / "data"
    accidents = b"\xfejAnSeN\x01 \xd1jansen\xff jaNSen "
    short, long, copied = b"\x0fJansen\x80", b"\x28\x00\x00\x00jansen\x80", b"\x00\x00\x00\x06jansen\x80"
    for number, written in enumerate((short, long, copied, b"\xee McKay2\x80", b"\nJANSEN\x80", b"'jansen'")):
        file.write_bytes(accidents + written + accidents)
        found = Needles.of(["jansen", "McKay2"]).search({"data": file})
        assert len(found) == 1, number
        assert len(accidents) <= found[0].offset < len(accidents + written)
