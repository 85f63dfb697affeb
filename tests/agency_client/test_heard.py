# SPDX-License-Identifier: EUPL-1.2
"""Who acts under which covenant, as heard: kept while it differs, and said in plain words."""

from pathlib import Path

from agency_client.heard import Heard, differing, warning_of
from edge.covenant_header import COVENANT_HEADER
from protocol.ids import PartyId
from tests.fakes.agency_vault import open_vault
from tests.fakes.small_world import World

BROKER, HOLDER = PartyId("broker"), PartyId("holder-1")
OTHER, ANOTHER = "a" * 64, "b" * 64


def _named(sha256: str) -> str | None:
    return "2025.9" if sha256 == OTHER else None


def test_who_differs_is_kept_until_heard_otherwise(tmp_path: Path, world: World) -> None:
    """A party that names another version is listed by status until it names ours; one that was not asked stays."""
    vault, covenant = open_vault(tmp_path, b"police"), world.kit.covenant
    heard = Heard()
    heard.hear(BROKER)({COVENANT_HEADER.lower(): OTHER})
    heard.hear(HOLDER)({COVENANT_HEADER.lower(): ANOTHER})
    heard.keep(vault.evidence, covenant.sha256)
    found = differing(vault.evidence, covenant, _named)
    assert [(one.party, one.version) for one in found] == [(BROKER, "2025.9"), (HOLDER, None)]
    text = warning_of(found, covenant)
    assert "not everybody acts under the same covenant" in text
    assert "broker: version 2025.9 (aaaaaaaaaaaa)" in text
    assert "holder-1: a covenant that the board has not signed" in text
    again = Heard()
    again.hear(BROKER)({COVENANT_HEADER.lower(): covenant.sha256})
    assert again.others(covenant.sha256) == {}
    again.keep(vault.evidence, covenant.sha256)
    assert [one.party for one in differing(vault.evidence, covenant, _named)] == [HOLDER]
    vault.close()


def test_what_is_no_hash_is_not_heard(world: World) -> None:
    """A header with anything but a hash is as if it were not there: its text would end on a terminal."""
    heard = Heard()
    for said in ("", "A" * 64, "a" * 65, "\x1b[31m" + "a" * 59):
        heard.hear(BROKER)({COVENANT_HEADER.lower(): said})
    heard.hear(BROKER)({})
    assert heard.others(world.kit.covenant.sha256) == {}
