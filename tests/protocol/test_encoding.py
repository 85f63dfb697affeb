# SPDX-License-Identifier: EUPL-1.2
"""Canonical bytes: one form for each value, and every other form refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import assume, example, given
from hypothesis import strategies as st

from protocol.encoding import (
    MAX_LP,
    Json,
    b64url,
    canonical_json,
    format_time,
    label,
    lp,
    parse_time,
    u32,
    u64,
    unb64url,
)
from protocol.errors import Code, InputError


def malformed(read: object, text: str) -> None:
    """Check that a reader refuses a text as malformed, without repeating it."""
    assert callable(read)
    with pytest.raises(InputError) as refusal:
        read(text)
    assert refusal.value.code is Code.MALFORMED
    assert len(text) < 4 or text not in str(refusal.value)


def test_the_example_of_the_spec() -> None:
    """The example of spec/encoding.md has the bytes that the page prints."""
    made = label("key") + lp("phone") + lp("+31612345678") + u32(3)
    assert made.hex() == "736c7569732f76312f6b6579000570686f6e65000c2b333136313233343536373800000003"


@given(st.lists(st.binary(max_size=20), max_size=5), st.lists(st.binary(max_size=20), max_size=5))
def test_length_prefixes_keep_values_apart(one: list[bytes], other: list[bytes]) -> None:
    """Two different lists of values never join to the same bytes."""
    assume(one != other)
    assert b"".join(map(lp, one)) != b"".join(map(lp, other))


def test_length_prefix_takes_text_as_utf8() -> None:
    """The length counts bytes, not characters."""
    assert lp("é") == b"\x00\x02\xc3\xa9"


def test_length_prefix_limit() -> None:
    """65,535 bytes fit and one more is a bug, never a wrapped length."""
    assert lp(bytes(MAX_LP))[:2] == b"\xff\xff"
    with pytest.raises(ValueError, match="too long"):
        lp(bytes(MAX_LP + 1))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_integers_are_big_endian(small: int, large: int) -> None:
    """Integers have a fixed length, most significant byte first."""
    assert int.from_bytes(u32(small), "big") == small
    assert int.from_bytes(u64(large), "big") == large
    assert (len(u32(small)), len(u64(large))) == (4, 8)


@pytest.mark.parametrize("value", [-1, 2**32])
def test_integers_out_of_range(value: int) -> None:
    """An integer that does not fit is a bug, never cut."""
    with pytest.raises(OverflowError):
        u32(value)


@pytest.mark.parametrize("name", ["", "Key", "key/2", "key statement", "key\n", "kéy", "key_2"])
def test_labels_have_one_shape(name: str) -> None:
    """Only lower-case words with digits and hyphens make a label."""
    with pytest.raises(ValueError, match="not a label"):
        label(name)


@given(st.binary(max_size=100))
def test_base64url_round_trip(raw: bytes) -> None:
    """Whatever is encoded decodes to itself, from text without padding."""
    text = b64url(raw)
    assert "=" not in text
    assert unb64url(text) == unb64url(text, length=len(raw)) == raw


@given(st.text(max_size=12))
def test_base64url_has_one_form(text: str) -> None:
    """Any text that decodes at all is the one encoding of what it decodes to."""
    try:
        raw = unb64url(text)
    except InputError:
        return
    assert b64url(raw) == text


@pytest.mark.parametrize(
    "text",
    ["AA==", "AAA=", "A", "AAAAA", "AB", "AAB", "+/8A", "AA AA", "AAAA\n", "AAAÁ", "A-_."],
    ids=["padded", "padded once", "one character", "five", "stray bits", "stray bits 2", "other alphabet", "space",
         "newline", "not ASCII", "full stop"],
)  # fmt: skip
def test_other_base64_is_refused(text: str) -> None:
    """Padding, stray bits, other alphabets and white space are refused."""
    malformed(unb64url, text)


def test_base64url_length() -> None:
    """A value of another length than agreed is refused."""
    with pytest.raises(InputError, match="Expected 32 bytes"):
        unb64url(b64url(bytes(31)), length=32)


def test_canonical_json() -> None:
    """Names are sorted and nothing is between the signs, as RFC 8785 says."""
    assert canonical_json({"b": [1, True, None], "a": "é\u2028\n"}) == '{"a":"é\u2028\\n","b":[1,true,null]}'.encode()


_PLAIN = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(codec=None))


@given(st.recursive(_PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12))
@example({"\ue000": 1, "\U00010000": 2})
@example(['\x00\x08\x1f\x7f\x80\u2028\U0001f600"\\/'])
@example(2**53)
@example(1 - 2**53)
def test_canonical_json_is_that_of_the_reference(value: Json) -> None:
    """Whatever way is taken, the bytes are those of an RFC 8785 library, and what it refuses is refused."""
    try:
        expected = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        with pytest.raises(rfc8785.CanonicalizationError):
            canonical_json(value)
        return
    assert canonical_json(value) == expected


@given(st.dictionaries(st.text(max_size=5), st.integers(-(2**53) + 1, 2**53 - 1), max_size=6))
def test_canonical_json_does_not_see_order(value: dict[str, int]) -> None:
    """The same object written in another order has the same bytes."""
    assert canonical_json(dict(value)) == canonical_json(dict(reversed(value.items())))


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 hypothesis asks it so
def test_times_round_trip(moment: datetime) -> None:
    """A moment comes back cut to the millisecond, in UTC."""
    moment = moment.replace(tzinfo=UTC)
    assert parse_time(format_time(moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_times_are_in_utc() -> None:
    """A moment of another zone is written in UTC."""
    moment = datetime(2026, 11, 21, 21, 0, 0, 5_999, tzinfo=timezone(timedelta(hours=1)))
    assert format_time(moment) == "2026-11-21T20:00:00.005Z"


def test_a_time_without_a_zone_is_a_bug() -> None:
    """Nobody guesses which zone was meant."""
    with pytest.raises(ValueError, match="time zone"):
        format_time(datetime(2026, 11, 21))  # noqa: DTZ001 the point of the test


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21",
        "2026-11-21T20:00:00Z",
        "2026-11-21T20:00:00.00Z",
        "2026-11-21T20:00:00.000000Z",
        "2026-11-21T20:00:00.000+00:00",
        "2026-11-21T20:00:00.000",
        "2026-11-21t20:00:00.000z",
        "2026-02-30T20:00:00.000Z",
        "2026-11-21T24:00:00.000Z",
        "2026-1-2T03:04:05.000Z",
        " 2026-11-21T20:00:00.000Z",
    ],
)
def test_other_times_are_refused(text: str) -> None:
    """Only UTC with exactly three decimals is read."""
    malformed(parse_time, text)
