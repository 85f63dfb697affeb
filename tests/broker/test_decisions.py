# SPDX-License-Identifier: EUPL-1.2
"""Past decisions exported from a real database: content-free, without canaries, and decided again alike."""

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from board.replay import replay
from broker.main import app
from broker.settings import HomeFile, make_home
from edge.keyfile import SecretText
from protocol.covenant_parts import Title
from protocol.decision_lines import DecisionLine, read_line
from protocol.events import QueryAnswered, SignalRefused, SignalRegistered
from protocol.ids import PartyId
from tests.broker.test_canaries import ALSO, NOBODY, REAL, SUPERVISOR, canary, events
from tests.fakes.broker_world import CARE, POLICE, PROSECUTION, BrokerWorld, broker_world
from tests.fakes.data_keys import share_keys

STRONG = {"name-dob": "n1"}


async def lived(world: BrokerWorld) -> list[str]:
    """Let signals meet, one be refused, one hit a canary and one agency ask; return ids that no line may hold."""
    first, second = world.signal(POLICE, STRONG), world.signal(CARE, {**STRONG, **REAL})
    refused = world.signal(CARE, {"phone": "x"}, days=4_000)
    await world.agency(POLICE).push(first)
    await world.agency(CARE).push(second, refused)
    await world.agency(SUPERVISOR).push(canary(world, PROSECUTION, NOBODY))
    await world.agency(POLICE).push(world.signal(POLICE, NOBODY))
    await world.agency(SUPERVISOR).told(1)
    await world.agency(POLICE).told(2)
    await world.agency(CARE).told(1)
    await world.agency(PROSECUTION).ask(REAL)
    await world.agency(CARE).told(2)
    return [str(signal.id) for signal in (first, second, refused)]


async def test_exported_decisions_are_decided_again_alike(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line reads, names no signal and nothing of a canary, and differs nowhere under the same covenant."""
    out, passphrase = tmp_path / "decisions.jsonl", "correct horse battery staple"
    monkeypatch.setenv("SLUIS_PASSPHRASE", passphrase)
    wanted = HomeFile(
        id=PartyId("broker"),
        title=Title(nl="Makelaar", en="Broker"),
        url="https://broker.example",
        log_origin="broker.example/log",
        key_file_cost="interactive",
    )
    home = make_home(tmp_path / "home", wanted, SecretText(passphrase))
    share_keys(database, home.data_keys(SecretText(passphrase)))
    async with broker_world(database, also=ALSO) as world:
        ids = await lived(world)
        result = CliRunner().invoke(
            app, ["decisions", "--home", str(home.folder), "--database", database, "--out", str(out)]
        )
        assert result.exit_code == 0, result.output
        command = ["decisions", "--home", str(home.folder), "--database", database, "--purpose", "victim-protection"]
        other = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "other")])
    assert "0 decisions written" in other.output
    text = out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    lines = [read_line(line) for line in text.splitlines()]
    assert f"{len(lines)} decisions written" in result.output
    assert not [one for one in (*ids, SUPERVISOR) if one in text]
    kinds = [type(line.event) for line in lines]
    assert (kinds.count(SignalRegistered), kinds.count(SignalRefused), kinds.count(QueryAnswered)) == (3, 1, 1)
    again = replay(world.kit.covenant, lines)
    assert not [one for one in again if one.differs]
    # Signals, the question, what police and care were told of each other, and what care heard of the question.
    assert [one.act for one in again if one.now is not None].count("notice") == 3
    _stand_in_the_log(database, lines)


def _stand_in_the_log(database: str, lines: list[DecisionLine]) -> None:
    said = [record["event"] for record in events(database)]
    assert len(said) > len(lines)
    assert len({line.leaf for line in lines}) == len(lines)
