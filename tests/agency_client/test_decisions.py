# SPDX-License-Identifier: EUPL-1.2
"""An agency's own proven decisions as lines: of its acts and of what it was told, and nothing of people."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from agency_client.commands_decisions import decisions_of
from agency_client.session import Session
from board.replay import replay
from protocol.decision_lines import read_line
from protocol.events import NoticeIssued, SignalRegistered
from tests.fakes.agency import make_client
from tests.fakes.small_world import World

ANNA = [("bsn", "123456782"), ("name-dob", "anna|vries|2004-02-29")]


async def test_own_receipts_become_lines(tmp_path: Path, world: World) -> None:
    """A signal and a notice that the log proved become lines with the leaves of their receipts."""
    police, care = make_client(tmp_path / "p", world), make_client(tmp_path / "c", world, "care-linde")
    police.add(("P-1", ANNA))
    await police.send()
    care.add(("C-1", ANNA))
    await care.send()
    await police.reading.read()
    texts = list(decisions_of(cast("Session", SimpleNamespace(vault=police.vault))))
    lines = [read_line(text) for text in texts]
    assert [type(line.event) for line in lines] == [SignalRegistered, NoticeIssued]
    receipts = {place: leaf for place, _, leaf in police.vault.evidence.receipts()}
    assert [receipts[line.index] for line in lines] == [line.leaf for line in lines]
    assert "123456782" not in "".join(texts)
    again = replay(world.kit.covenant, lines)
    assert [one.why for one in again] == [None, "counterpart"]
