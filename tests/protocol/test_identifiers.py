# SPDX-License-Identifier: EUPL-1.2
"""Each identifier has one form however it is written, and what cannot be one is refused with its reason."""

from collections.abc import Callable

import pytest

from protocol.identifiers import (
    MAX_VALUE,
    UnusableError,
    bsn,
    document,
    email,
    house_number,
    iban,
    phone,
    postcode,
    skn,
    v_number,
    vehicle,
)


@pytest.mark.parametrize(
    ("read", "written", "form"),
    [
        (bsn, "111222333", "111222333"),
        (bsn, " 1112.22.333 ", "111222333"),
        (bsn, "10000008", "010000008"),
        (v_number, "V 012345678-9", "0123456789"),
        (v_number, "123456789", "0123456789"),
        (skn, "0012345678", "12345678"),
        (phone, "06-12345678", "+31612345678"),
        (phone, "612345678", "+31612345678"),
        (phone, "0031 (0)6 1234 5678", "+31612345678"),
        (phone, "tel:+31612345678", "+31612345678"),
        (phone, "+32 470 12 34 56", "+32470123456"),
        (phone, "０６１２３４５６７８", "+31612345678"),
        (phone, "030-2345678", "+31302345678"),
        (iban, "nl91 abna 0417 1643 00", "NL91ABNA0417164300"),
        (email, " Mailto:Jan.Vos+x@Example.NL. ", "jan.vos+x@example.nl"),
        (email, "jan@münchen.de", "jan@xn--mnchen-3ya.de"),
        (email, "ＪＡＮ@example.nl", "jan@example.nl"),
        (vehicle, "g-001-bb", "G001BB"),
        (vehicle, "12 ab 34", "12AB34"),
        (postcode, "3511 ce", "3511CE"),
        (house_number, "0008 bis", "8"),
        (house_number, "8-2", "8"),
        (house_number, "12a", "12"),
    ],
)
def test_one_form_for_every_way_of_writing(read: Callable[[str], str], written: str, form: str) -> None:
    """Signs, spaces, capitals, width and lost zeros do not matter; the form is its own form."""
    assert read(written) == form
    assert read(form) == form


@pytest.mark.parametrize(
    ("read", "written", "reason"),
    [
        (bsn, "123456789", "bad-check-digit"),
        (bsn, "1234567", "bad-length"),
        (bsn, "000000000", "bad-check-digit"),
        (bsn, "111111110", "filler"),
        (bsn, "11122233x", "bad-check-digit"),
        (v_number, "12345", "bad-length"),
        (v_number, "1111111111", "filler"),
        (v_number, "12345678x", "not-digits"),
        (skn, "1234", "bad-length"),
        (phone, "0612345", "not-a-phone"),
        (phone, "0600000000", "not-a-phone"),
        (phone, "0800-1234", "service-number"),
        (phone, "112", "not-a-phone"),
        (phone, "06-12345678 of 06-87654321", "not-a-phone"),
        (phone, "onbekend", "not-a-phone"),
        (iban, "NL92ABNA0417164300", "bad-check-digit"),
        (iban, "NL91ABNA041716430", "bad-check-digit"),
        (iban, "ABNA0417164300", "not-an-iban"),
        (email, "jan", "not-an-email"),
        (email, "jan@localhost", "not-a-domain"),
        (email, "jan@exa_mple.nl", "not-a-domain"),
        (email, "jan@1.2.3.4", "not-a-domain"),
        (email, "Jan <jan@example.nl>", "not-an-email"),
        (email, "a..b@example.nl", "not-an-email"),
        (email, "a" * 65 + "@example.nl", "not-an-email"),
        (vehicle, "abc", "not-a-plate"),
        (vehicle, "abcdef", "not-a-plate"),
        (postcode, "4811", "not-a-postcode"),
        (postcode, "0511CE", "not-a-postcode"),
        (postcode, "3511SS", "not-a-postcode"),
        (house_number, "a8", "not-a-house-number"),
        (house_number, "0", "not-a-house-number"),
        (house_number, "123456", "not-a-house-number"),
        *((read, "1" * (MAX_VALUE + 1), "too-long") for read in (bsn, skn, phone, iban, email, vehicle, postcode)),
    ],
)
def test_what_cannot_be_one_is_refused_without_repeating_it(
    read: Callable[[str], str], written: str, reason: str
) -> None:
    """The reason is a stable code, and the text does not hold the value."""
    with pytest.raises(UnusableError) as caught:
        read(written)
    assert caught.value.reason == reason
    assert written not in str(caught.value)


def test_a_document_is_named_by_its_kind() -> None:
    """The same number of another kind of document is another document."""
    assert document("Passport", "nw 1234567") == "passport:NW1234567"
    assert document("soc_sec", "5304218") == "soc-sec:5304218"
    for kind, number in (("?", "NW1234567"), ("passport", "1234"), ("passport", "ABCDEF"), ("passport", "000000")):
        with pytest.raises(UnusableError):
            document(kind, number)


def test_a_foreign_postcode_needs_its_country() -> None:
    """Another country's postcode is taken with its country, and never equals a Dutch one."""
    assert postcode("1000", "be") == "BE:1000"
    assert postcode("3511CE", "nl") == postcode("3511CE")
    assert postcode("3511CE", "be") != postcode("3511CE")
    with pytest.raises(UnusableError):
        postcode("1000", "Belgium")
