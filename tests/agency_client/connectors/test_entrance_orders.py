# SPDX-License-Identifier: EUPL-1.2
"""Whatever a system says of a record and whenever it is sent: in the end what stands is what it said last."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agency_client.connectors.entrance import Entrance, Gone, Origin
from agency_client.connectors.running import carry_out
from agency_client.intake import Ready
from agency_client.mapping import Mapping
from agency_client.source_rows import Row
from agency_client.states import SignalState
from tests.fakes.agency_session import MAPPING, agency_of, signed
from tests.fakes.small_world import make_world

COLUMNS, ZAKEN = Mapping.from_yaml(MAPPING), Origin("zaken", "export.csv")
STEPS = st.lists(st.sampled_from(["Anna", "Annelies", "gone", "send", "carry out"]), min_size=1, max_size=9)


def row(given_names: str) -> Row:
    """Return the record as its system gives it."""
    return Row(2, {"id": "Z-1", "given": given_names, "name": "Berg", "born": "2001-01-31"})


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_what_was_said_last_is_what_stands(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    """After any order of giving, changing, withdrawing and sending, one signal stands, or none."""
    agency = agency_of(tmp_path_factory.mktemp("orders") / "home", make_world(signed()))
    entrance, said = Entrance(agency.session), "gone"
    for step in steps:
        if step == "send":
            assert await agency.client.send() is None
        elif step == "carry out":
            carry_out(agency.session)
        elif step == "gone":
            said = step
            entrance.admit([Gone(2, "Z-1")], COLUMNS, ZAKEN)
        else:
            said = step
            for _ in range(2):
                entrance.admit([row(step)], COLUMNS, ZAKEN)
    # What waits for an answer is carried out after it.
    for _ in range(3):
        assert await agency.client.send() is None
        carry_out(agency.session)
    signals = agency.session.vault.signals.find("Z-1")
    standing = [kept for kept in signals if kept.state is not SignalState.WITHDRAWN]
    assert [kept.state for kept in standing] == ([] if said == "gone" else [SignalState.ACCEPTED])
    if standing:
        judged = entrance.judge(row(said), COLUMNS)
        assert isinstance(judged, Ready)
        assert standing[0].draft == judged.draft.to_bytes()
    assert agency.session.vault.outbox.count_open() == 0
    agency.session.vault.close()
