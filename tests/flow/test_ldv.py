# SPDX-License-Identifier: EUPL-1.2
"""The log of processing of a whole system: one trace through three roles, and both logs fit, also after a kill."""

import json
from collections.abc import Iterator
from pathlib import Path

from broker.postgres.entries import log_entries
from broker.settings import open_home
from edge.keyfile import SecretText
from edge.ldv import FOLDER, span_files
from protocol.events import Event, SignalRegistered
from protocol.ldv import Batch, Span, Work, parse_line
from tests.fakes.keyholders import ENVIRONMENT, PASSPHRASE
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run
from tests.fakes.whole_system import System

POLICE, CARE = "police-oost", "care-linde"
KNOWN = 770
PROTOCOL = 76


def batches(home: Path) -> Iterator[Batch]:
    """Yield what a home's log of processing says."""
    for path in span_files(home / FOLDER):
        yield from (parse_line(line) for line in path.read_bytes().splitlines())


def spans(home: Path) -> list[Span]:
    """Return the spans of a home."""
    return [span for batch in batches(home) for span in batch.spans]


def events(system: System) -> list[Event]:
    """Return all events, opened with the broker's own keys."""
    keys = open_home(system.folder / "broker").data_keys(SecretText(PASSPHRASE))
    return [one.event for one in log_entries(system.database, keys) if one.event is not None]


def check(system: System, *arguments: str, status: int = 0) -> str:
    """Run the check against the running broker's database."""
    line = ["broker", "ldv-check", "--home", str(system.folder / "broker"), "--database", system.database, *arguments]
    return str(run(line, environment=ENVIRONMENT, seconds=120, status=status).stdout)


def test_one_trace_goes_through_three_roles_into_the_log(system: System, tmp_path: Path) -> None:
    """The client's trace id stands in its own lines, in two key-holders', in the broker's and in the event."""
    for agency, prefix in ((CARE, "LC"), (POLICE, "LP")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, [KNOWN])
        assert system.read(agency, "push", str(file), *system.purpose_of(agency))["accepted"] == 1
    pushed = next(span for span in reversed(spans(system.home(POLICE))) if span.name == Work.SIGNAL)
    assert pushed.subject is not None
    trace = pushed.trace.trace_id
    registered = next(event for event in events(system) if event.act.trace_id == trace)
    assert isinstance(registered, SignalRegistered)
    assert registered.act.agency == POLICE
    assert registered.subject.tag_digests[0].hex() == pushed.subject.value
    assert Work.TAGGING in {span.name for span in spans(system.home(POLICE)) if span.trace.trace_id == trace}
    holders = [spans(home) for home in system.holders.homes]
    asked = [one for one in holders if any(span.trace.trace_id == trace for span in one)]
    assert len(asked) == 2
    mine = [span for span in spans(system.folder / "broker") if span.trace.trace_id == trace]
    assert {span.name for span in mine} == {Work.ACT, "signal registered"}
    (own,) = [span for span in mine if span.name != Work.ACT]
    assert (own.trace.span_id, own.subject) == (registered.act.span_id, pushed.subject)
    assert trace not in {span.trace.trace_id for span in spans(system.home(CARE))}
    # The shared number appears in no party's lines, nor does who pushed.
    for home in (system.home(POLICE), system.home(CARE), system.folder / "broker", *system.holders.homes):
        for path in span_files(home / FOLDER):
            text = path.read_text()
            assert str(10_000_000 + KNOWN) not in text
            assert all(json.loads(line)["resourceSpans"] for line in text.splitlines())


def test_both_logs_fit_and_a_kill_is_explained(system: System, tmp_path: Path) -> None:
    """The check passes on a running system and after kill -9; with a line taken away it names it and fails."""
    assert "Every line has its entry" in check(system)
    system.running["broker"].kill()
    system.start_broker()
    file = by_phone(tmp_path / "LK.csv", "LK", [KNOWN + 1])
    assert system.read(POLICE, "push", str(file), *system.purpose_of(POLICE))["accepted"] == 1
    assert "Every line has its entry" in check(system)
    files = span_files(system.folder / "broker" / FOLDER)
    kept = [line for path in files for line in path.read_bytes().splitlines() if b"signal registered" in line]
    shorter = tmp_path / "shorter.jsonl"
    all_lines = [line for path in files for line in path.read_bytes().splitlines()]
    shorter.write_bytes(b"\n".join(line for line in all_lines if line != kept[-1]) + b"\n")
    said = check(system, "--spans", str(shorter), status=PROTOCOL)
    assert "entries of the log whose line is missing" in said
