# SPDX-License-Identifier: EUPL-1.2
"""Codes that count once: RFC 6238's own vectors, drift, replay, and what a person types."""

import base64
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pyotp
import pytest

from agency_client.people.one_time import (
    RECOVERY_CODES,
    STEP,
    as_code,
    enrolment,
    new_code,
    new_codes,
    new_secret,
    step_of,
    without,
)

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_6238 = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
]
"""RFC 6238 appendix B, SHA-1; the last six of the eight digits are the six-digit code (RFC 4226 section 5.3)."""


@pytest.mark.parametrize(("seconds", "code"), RFC_6238)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    """An authenticator app of anybody's making shows what we expect."""
    now = datetime.fromtimestamp(seconds, UTC)
    assert step_of(RFC_SECRET, code[-6:], now, 0) == seconds // STEP


def test_a_code_counts_once() -> None:
    """Who looked over a shoulder comes too late, even within the same half minute."""
    secret, now = new_secret(), datetime(2026, 11, 9, 12, 0, 5, tzinfo=UTC)
    code = pyotp.TOTP(secret).at(now)
    step = step_of(secret, code, now, 0)
    assert step is not None
    assert step_of(secret, code, now, step) is None


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(steps: int, accepted: bool) -> None:
    """Half a minute either way, not more."""
    secret, now = new_secret(), datetime(2026, 11, 9, 12, 0, 5, tzinfo=UTC)
    assert (step_of(secret, pyotp.TOTP(secret).at(now, counter_offset=steps), now, 0) is not None) is accepted


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 34 5x"])
def test_what_is_no_code_is_none(code: str) -> None:
    """Nothing that is typed breaks anything."""
    assert step_of(new_secret(), code, datetime(2026, 11, 9, tzinfo=UTC), 0) is None


def test_spaces_in_a_code_do_not_matter() -> None:
    """Apps show two groups of three."""
    secret, now = new_secret(), datetime(2026, 11, 9, tzinfo=UTC)
    code = pyotp.TOTP(secret).at(now)
    assert step_of(secret, f" {code[:3]} {code[3:]} ", now, 0) is not None


def test_a_typed_code_forgives_capitals_hyphens_and_misread_letters() -> None:
    """Zero is O and one is I: base32 has neither digit."""
    assert as_code("ABCO-ibce") == as_code(" abc0 1BCE")


def test_recovery_codes_differ_and_count_once() -> None:
    """Using one leaves the others."""
    codes = new_codes()
    assert len({*codes}) == RECOVERY_CODES
    hashed = tuple(as_code(code) for code in codes)
    left = without(hashed, as_code(codes[2]))
    assert left == (*hashed[:2], *hashed[3:])
    assert without(left, as_code(codes[2])) is None


def test_a_set_up_code_has_eighty_bits() -> None:
    """Sixteen letters of base32."""
    assert len(as_code(new_code())) == 16
    assert len({new_code() for _ in range(100)}) == 100


def test_the_qr_code_is_plain_svg() -> None:
    """No style attribute, script or link: the page's policy would stop them."""
    found = enrolment(new_secret(), "anna", "Politie Oost")
    root = ET.fromstring(found.qr)  # noqa: S314 - our own
    names = {name for element in root.iter() for name in element.attrib}
    assert not names & {"style", "onload", "href", "{http://www.w3.org/1999/xlink}href"}
    assert found.uri.startswith("otpauth://totp/Sluis%20Politie%20Oost:anna?secret=")
    assert found.spelled.replace(" ", "") == found.secret
