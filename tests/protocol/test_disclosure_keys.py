# SPDX-License-Identifier: EUPL-1.2
"""Disclosure keys and settings in the covenant: an agency's own, well formed, absent where there was none."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from protocol.covenant import Covenant
from protocol.encoding import b64url
from protocol.errors import ConfigurationError
from protocol.hpke import PUBLIC_BYTES
from protocol.ids import PurposeId
from tests.fakes.covenants import make_covenant

KIT = make_covenant(now=datetime(2026, 11, 21, 20, 0, tzinfo=UTC))
AGENCIES = KIT.covenant.agencies
VICTIMS = "purposes/victim-protection.yaml"
COUNTING = "purposes/monitoring-statistics.yaml"


def _with(file: str, change: Callable[[str], str]) -> Covenant:
    text = KIT.files[file].decode()
    changed = change(text)
    assert changed != text
    return Covenant.parse({**KIT.files, file: changed.encode()})


def _key(text: str, new: str | None) -> str:
    # A long value may be folded over lines; ours is one word, which is not.
    return re.sub(r"  disclosureKey: \S+\n", "" if new is None else f"  disclosureKey: {new}\n", text, count=1)


def test_each_agencys_key_is_its_own() -> None:
    """The covenant gives every agency's key, and sealing to it opens with that agency's private key only."""
    for agency in AGENCIES:
        assert agency.recipient is not None
        sealed = agency.recipient.seal(b"text", b"info")
        assert KIT.disclosure_keys[agency.id].open(sealed, b"info") == b"text"


def test_an_agency_without_one_is_as_before() -> None:
    """A covenant from before disclosures parses, and that agency takes no part in them."""
    covenant = _with("parties.yaml", lambda text: _key(text, None))
    assert covenant.agencies[0].recipient is None


@pytest.mark.parametrize(
    "key", [b64url(b"\xff" * PUBLIC_BYTES), b64url(bytes(32)), b64url(AGENCIES[1].disclosure_key or b"")]
)
def test_no_key_and_anothers_key_are_refused(key: str) -> None:
    """Random bytes are no key, and no two agencies share one."""
    with pytest.raises(ConfigurationError):
        _with("parties.yaml", lambda text: _key(text, key))


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (VICTIMS, "disclosureApprovals: 3"),
        (VICTIMS, "disclosureApprovals: 0"),
        (VICTIMS, "disclosureHours: 0"),
        (VICTIMS, "disclosureDays: 31"),
        (COUNTING, "disclosureHours: 24"),
    ],
)
def test_settings_out_of_bounds_or_without_effect_are_refused(file: str, line: str) -> None:
    """One or two persons, at most a month; and nothing where nobody signals or asks."""
    name = line.partition(":")[0]
    with pytest.raises(ConfigurationError):
        _with(file, lambda text: re.sub(rf"^{name}:.*\n", "", text, flags=re.MULTILINE) + f"\n{line}\n")


def test_a_purpose_that_says_nothing_has_the_defaults() -> None:
    """Three days to decide, one person, two weeks to fetch."""
    bare = _with(VICTIMS, lambda text: re.sub(r"^disclosure[A-Z]\w+:.*\n", "", text, flags=re.MULTILINE))
    purpose = bare.purposes[PurposeId("victim-protection")]
    found = (purpose.disclosure_hours, purpose.disclosure_approvals, purpose.disclosure_days)
    assert found == (72, 1, 14)


def test_a_covenant_without_the_vocabulary_can_still_be_read() -> None:
    """One from before disclosures names no topics and no reasons to refuse."""
    files = {path: text for path, text in KIT.files.items() if path != "vocabulary/disclosures.yaml"}
    assert Covenant.parse(files).disclosures is None
