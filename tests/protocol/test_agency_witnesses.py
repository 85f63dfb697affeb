# SPDX-License-Identifier: EUPL-1.2
"""An agency's witness key in the covenant: of its own, named as the agency, and absent where there was none."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from protocol.covenant import Covenant
from protocol.covenant_parts import Agency
from protocol.errors import ConfigurationError
from protocol.note import WitnessKey
from tests.fakes.covenants import make_covenant

KIT = make_covenant(now=datetime(2026, 11, 21, 20, 0, tzinfo=UTC))
AGENCIES = KIT.covenant.agencies


def covenant_with(change: Callable[[Agency], str | None]) -> Covenant:
    """Return the covenant with another witness key of the first agency, as its files would say it."""
    before, after = f"  witness: {AGENCIES[0].witness}\n", change(AGENCIES[0])
    text = KIT.files["parties.yaml"].decode()
    assert before in text
    text = text.replace(before, f"  witness: {after}\n" if after is not None else "")
    return Covenant.parse({**KIT.files, "parties.yaml": text.encode()})


def test_each_agencys_key_is_found_by_its_name() -> None:
    """The covenant gives every agency's witness key, and the quorum's keys are the key-holders' only."""
    keys = KIT.covenant.agency_witness_keys
    assert {name: key.vkey for name, key in keys.items()} == {
        name: signer.key.vkey for name, signer in KIT.agency_witnesses.items()
    }
    assert not {key.name for key in KIT.covenant.witness_keys} & set(keys)


def test_an_agency_without_one_is_as_before() -> None:
    """A covenant from before witness keys parses, and that agency is no witness."""
    assert AGENCIES[0].id not in covenant_with(lambda _: None).agency_witness_keys


@pytest.mark.parametrize(
    "key",
    [
        lambda own: WitnessKey("another-name", own.witness_key.public).vkey,
        lambda own: WitnessKey(own.id, own.signing_keys[0].key).vkey,
        lambda own: WitnessKey(own.id, AGENCIES[1].witness_key.public).vkey,
        lambda own: WitnessKey(own.id, KIT.covenant.key_holders[0].witness_key.public).vkey,
        lambda own: WitnessKey(own.id, KIT.log_signer.key.public).vkey,
        lambda own: KIT.log_signer.key.vkey,
    ],
    ids=["another name", "its signing key", "another agency's", "a key-holder's", "the log's", "no witness key"],
)
def test_a_witness_key_is_nobody_elses(key: Callable[[Agency], str]) -> None:
    """It is refused under another name, and when it is any other key of the covenant that signs."""
    with pytest.raises(ConfigurationError):
        covenant_with(key)
