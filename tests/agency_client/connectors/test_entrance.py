# SPDX-License-Identifier: EUPL-1.2
"""Records of systems come in whole or not at all, once, and go out when their system says so."""

from datetime import timedelta

import pytest

from agency_client.connectors.entrance import Entrance, Gone, Origin
from agency_client.connectors.running import carry_out
from agency_client.mapping import Mapping
from agency_client.source_rows import BadRow, Row, bad_row
from agency_client.states import SignalState
from agency_client.vault.quarantine import MAX_OPEN, QuarantineState
from agency_client.vault.records import RecordState
from protocol.errors import UnavailableError
from tests.fakes.agency_session import MAPPING, Agency

COLUMNS = Mapping.from_yaml(MAPPING)
ZAKEN = Origin("zaken", "export.csv")


def row(reference: str = "Z-1", number: int = 2, **values: str) -> Row:
    """Return a row that can be used."""
    return Row(number, {"id": reference, "given": "Anna", "name": "Berg", "born": "2001-01-31"} | values)


def states(agency: Agency, reference: str = "Z-1") -> list[SignalState]:
    """Return the states of a record's signals, newest first."""
    return [kept.state for kept in agency.session.vault.signals.find(reference)]


def test_a_row_again_changes_nothing_and_a_changed_one_takes_its_place(agency: Agency) -> None:
    """The same rows twice are known; a changed one that was not sent yet is changed in place."""
    entrance = Entrance(agency.session)
    assert entrance.admit([row(), row("Z-2")], COLUMNS, ZAKEN).new == 2
    assert entrance.admit([row(), row("Z-2")], COLUMNS, ZAKEN).known == 2
    assert entrance.admit([row(given="Annelies")], COLUMNS, ZAKEN).changed == 1
    assert states(agency) == [SignalState.NEW]


async def test_a_changed_record_that_stands_is_corrected(agency: Agency) -> None:
    """A change of a record whose signal stands gives a signal that supersedes it, and the old one is withdrawn."""
    entrance = Entrance(agency.session)
    entrance.admit([row()], COLUMNS, ZAKEN)
    assert await agency.client.send() is None
    assert entrance.admit([row(given="Annelies")], COLUMNS, ZAKEN).changed == 1
    assert await agency.client.send() is None
    assert states(agency) == [SignalState.ACCEPTED, SignalState.WITHDRAWN]


async def test_a_record_that_is_gone_is_withdrawn_also_later(agency: Agency) -> None:
    """What was not sent is withdrawn at once; what stands gets a withdrawal; once that is proven the record is over."""
    entrance, vault = Entrance(agency.session), agency.session.vault
    entrance.admit([row(), row("Z-2")], COLUMNS, ZAKEN)
    assert entrance.admit([Gone(2, "Z-2")], COLUMNS, ZAKEN).withdrawn == 1
    assert states(agency, "Z-2") == [SignalState.WITHDRAWN]
    assert await agency.client.send() is None
    assert entrance.admit([Gone(2, "Z-1"), Gone(3, "unknown")], COLUMNS, ZAKEN).withdrawn == 1
    kept = vault.records.get("Z-1")
    assert kept is not None
    assert kept.state is RecordState.WITHDRAWING
    assert vault.outbox.count_open() == 1
    assert carry_out(agency.session) == 0, "the withdrawal is in the outbox already"
    assert await agency.client.send() is None
    assert states(agency) == [SignalState.WITHDRAWN]
    carry_out(agency.session)
    kept = vault.records.get("Z-1")
    assert kept is not None
    assert kept.state is RecordState.ENDED


def test_a_record_on_its_way_is_withdrawn_after_its_answer(agency: Agency) -> None:
    """While a signal is on its way the wish waits, and is carried out when the answer is there."""
    entrance, vault = Entrance(agency.session), agency.session.vault
    entrance.admit([row()], COLUMNS, ZAKEN)
    _set_state(agency, SignalState.SENT)
    entrance.admit([Gone(2, "Z-1")], COLUMNS, ZAKEN)
    assert (carry_out(agency.session), vault.outbox.count_open()) == (0, 0)
    _set_state(agency, SignalState.ACCEPTED)
    assert (carry_out(agency.session), vault.outbox.count_open()) == (1, 1)


def _set_state(agency: Agency, state: SignalState) -> None:
    from sqlmodel import select

    from agency_client.vault.tables import SignalRow

    with agency.session.vault.signals._database.writing() as session:
        session.exec(select(SignalRow)).one().state = state


@pytest.mark.parametrize("state", [SignalState.NEW, SignalState.ACCEPTED])
def test_a_record_that_comes_back_is_signalled_again(agency: Agency, state: SignalState) -> None:
    """After its system withdrew it the same record makes a new signal, which supersedes nothing."""
    entrance = Entrance(agency.session)
    entrance.admit([row()], COLUMNS, ZAKEN)
    _set_state(agency, state)
    entrance.admit([Gone(2, "Z-1")], COLUMNS, ZAKEN)
    assert entrance.admit([row()], COLUMNS, ZAKEN).new == 1
    assert entrance.admit([row()], COLUMNS, ZAKEN).known == 1
    newest = agency.session.vault.signals.find("Z-1")[0]
    assert (newest.state, newest.supersedes) == (SignalState.NEW, None)


def test_a_record_comes_and_goes_within_one_batch_in_order(agency: Agency) -> None:
    """The last word of a batch counts."""
    entrance = Entrance(agency.session)
    entrance.admit([row(), Gone(3, "Z-1"), row("Z-2"), Gone(5, "Z-2"), row("Z-2", 6)], COLUMNS, ZAKEN)
    assert states(agency, "Z-1") == [SignalState.WITHDRAWN]
    assert states(agency, "Z-2") == [SignalState.NEW, SignalState.WITHDRAWN]


def test_what_a_person_withdrew_stays_withdrawn(agency: Agency) -> None:
    """A system that goes on giving a record which a person took back does not send it again."""
    entrance, vault = Entrance(agency.session), agency.session.vault
    entrance.admit([row()], COLUMNS, ZAKEN)
    assert vault.pending.withdraw_unsent(vault.signals.find("Z-1")[0].id)
    assert entrance.admit([row()], COLUMNS, ZAKEN).held_back == 1
    assert states(agency) == [SignalState.WITHDRAWN]


def test_what_is_over_does_not_begin_anew_by_itself(agency: Agency) -> None:
    """When a signal's time is over and its content was erased here, the unchanged record makes no new one."""
    entrance, vault = Entrance(agency.session), agency.session.vault
    entrance.admit([row()], COLUMNS, ZAKEN)
    _set_state(agency, SignalState.ACCEPTED)
    agency.hands.move(timedelta(days=2_000))
    vault.retention.note_ended(agency.hands())
    vault.retention.erase([one.signal for one in vault.retention.ended()], agency.hands())
    assert vault.records.prune() == 0
    assert entrance.admit([row()], COLUMNS, ZAKEN).new == 0


def test_another_purpose_takes_the_place_of_the_earlier(agency: Agency) -> None:
    """A record of a system stands for one purpose; a file may hold a record for two."""
    purposed = Mapping((*COLUMNS.columns, ("doel", "purpose"), ("grond", "grounds")), (("basis", "legal-duty"),))
    one = row(doel="offender-prevention", grond="early-offences")
    other = row(doel="victim-protection", grond="runaway-minor", born="2009-02-28")
    for origin, withdrawn in ((ZAKEN, 1), (Origin("files", one_purpose=False), 0)):
        entrance = Entrance(agency.session)
        reference = {"id": f"of-{origin.system}"}
        assert entrance.admit([Row(2, {**one.values, **reference})], purposed, origin).new == 1
        assert entrance.admit([Row(2, {**other.values, **reference})], purposed, origin).new == 1
        carry_out(agency.session)
        assert states(agency, f"of-{origin.system}").count(SignalState.WITHDRAWN) == withdrawn


def test_a_row_that_cannot_be_used_waits_once(agency: Agency) -> None:
    """A bad row is one number however often it comes; a good version of its record closes it."""
    entrance, shelf = Entrance(agency.session), agency.session.vault.quarantine
    bad = row(born="2001-13-31", given="")
    first = entrance.admit([bad, bad_row(3, "not-json", None)], COLUMNS, ZAKEN)
    again = entrance.admit([bad, bad_row(3, "not-json", None)], COLUMNS, ZAKEN)
    assert first.quarantined == again.quarantined == 2
    assert [one.quarantine for one in first.troubles] == [one.quarantine for one in again.troubles]
    assert shelf.counts() == {"zaken": 2}
    entrance.admit([row()], COLUMNS, ZAKEN)
    assert shelf.counts() == {"zaken": 1}
    overtaken = shelf.get(first.troubles[0].quarantine)
    assert (overtaken.state, overtaken.values) == (QuarantineState.OVERTAKEN, {})
    entrance.admit([bad], COLUMNS, ZAKEN)
    assert shelf.get(first.troubles[0].quarantine).repairable


def test_the_rest_of_a_partly_usable_row_goes_on(agency: Agency) -> None:
    """A bad value is left out and waits for repair; seen again it is still the same number."""
    entrance, shelf = Entrance(agency.session), agency.session.vault.quarantine
    half = row(bsn="123456789")
    found = [entrance.admit([half], COLUMNS, ZAKEN) for _ in range(2)]
    assert [(one.new, one.known, one.partly) for one in found] == [(1, 0, 1), (0, 1, 1)]
    assert shelf.get(found[0].troubles[0].quarantine).repairable


def test_too_many_bad_rows_stop_the_source_and_write_nothing(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the quarantine of a system is full its next batch is not taken at all, so that nothing is dropped."""
    monkeypatch.setattr("agency_client.vault.quarantine.MAX_OPEN", 3)
    assert MAX_OPEN > 3
    entrance = Entrance(agency.session)
    bads: list[Row | BadRow] = [bad_row(number, "not-json", None) for number in range(2, 6)]
    with pytest.raises(UnavailableError, match="wait in quarantine"):
        entrance.admit([row(), *bads], COLUMNS, ZAKEN)
    assert states(agency) == []
    assert agency.session.vault.quarantine.counts() == {}


def test_a_crash_within_a_batch_leaves_nothing_of_it(agency: Agency) -> None:
    """When the place of the source cannot be written, neither are the records."""
    entrance = Entrance(agency.session)

    def crash() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        entrance.admit([row(), row("Z-2", born="x", given="")], COLUMNS, ZAKEN, crash)
    assert states(agency) == []
    assert agency.session.vault.quarantine.counts() == {}
    assert agency.session.vault.records.owner("Z-1") is None


def test_the_quarantine_forgets_in_time(agency: Agency) -> None:
    """Open rows wait a quarter, traces of closed ones a month; no value of a row stands in the file in the clear."""
    entrance, shelf = Entrance(agency.session), agency.session.vault.quarantine
    found = entrance.admit([row(born="x", given="Xanthippe"), row("Z-9", 3, born="y", given="")], COLUMNS, ZAKEN)
    for path in agency.session.home.folder.glob("vault.db*"):
        assert b"Xanthippe" not in path.read_bytes()
    shelf.close(found.troubles[0].quarantine, QuarantineState.DISMISSED, "person", agency.hands())
    agency.hands.move(timedelta(days=31))
    assert shelf.prune(agency.hands()) == 1
    agency.hands.move(timedelta(days=60))
    assert shelf.prune(agency.hands()) == 1
    assert shelf.page(10) == []
