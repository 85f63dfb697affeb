# SPDX-License-Identifier: EUPL-1.2
"""The vault: what is added once stays once, and nothing about a person stands in the file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from agency_client.states import SignalState
from agency_client.vault import Vault
from agency_client.vault.adding import NewSignal
from agency_client.vault.evidence import Receipt
from agency_client.vault.outbox import NewPosting, PostingKind
from agency_client.vault.pending import Pending
from agency_client.vault.signals import KeptKey
from protocol.errors import Code, ConfigurationError, ConflictError
from protocol.ids import Epoch, KeyKind, PurposeId, SignalId
from protocol.messages import Refusal
from protocol.tiles import inclusion_path
from tests.fakes.agency_vault import open_vault

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
PURPOSE = PurposeId("offender-prevention")
KEYS = (KeptKey(KeyKind("phone"), "subject", b"k" * 32),)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """Return an empty vault."""
    return open_vault(tmp_path)


def signal(number: int, text: bytes = b"Willem van der Berg", reference: str | None = None) -> NewSignal:
    """Return the signal of a record."""
    return NewSignal(
        SignalId(UUID(int=(number << 80) | (7 << 76) | (2 << 62) | number)),
        PURPOSE,
        reference or f"DOSSIER-{number}",
        text,
        NOW + timedelta(days=90),
    )


def ready(vault: Vault, count: int = 2, key: str = "key-1") -> int:
    """Add, tag and post some signals."""
    vault.signals.add([signal(n) for n in range(1, count + 1)], NOW)
    pending = vault.pending.batch(count)
    posting = NewPosting(PostingKind.PUSH, "/v1/signals", key, b'{"exact": "bytes"}', PURPOSE)
    return vault.outbox.put_push(posting, [(p, KEYS) for p in pending], Epoch(3), NOW)


def receipt(place: int) -> Receipt:
    """Return a receipt for a place in the log."""
    path = (bytes(32),) * len(inclusion_path(place, place + 1))
    return Receipt(place, "SignalRegistered", "x", b"\x01" * 65, b"{}", path, place + 1, "a note")


def test_the_same_record_is_added_once(vault: Vault) -> None:
    """Offering a record again changes nothing, and a changed one that was never sent is replaced in place."""
    assert vault.signals.add([signal(1), signal(2)], NOW).new == 2
    again = vault.signals.add([signal(11, reference="DOSSIER-1"), signal(12, b"other", "DOSSIER-2")], NOW)
    assert (again.new, again.known, again.changed) == (0, 1, 1)
    assert [p.draft for p in vault.pending.batch(10)] == [b"Willem van der Berg", b"other"]


def test_a_record_twice_in_one_chunk_is_one_signal_with_the_last_content(vault: Vault) -> None:
    """A file that names a record twice makes one signal of it, also within what is written at once."""
    first, changed, same = (signal(n, text, "DOSSIER-1") for n, text in ((1, b"a"), (2, b"b"), (3, b"b")))
    added = vault.signals.add([first, changed, same], NOW)
    assert (added.new, added.changed, added.known) == (1, 1, 1)
    assert [(p.id, p.draft) for p in vault.pending.batch(10)] == [(first.id, b"b")]


def test_a_changed_record_supersedes_its_sent_signal(vault: Vault) -> None:
    """A record that changes after it was accepted gets a new signal that names the old one."""
    number = ready(vault, 1)
    vault.outbox.offer(number)
    vault.outbox.settle_push(number, {signal(1).id: None}, [receipt(0)], NOW)
    assert vault.signals.add([signal(5, b"changed", "DOSSIER-1")], NOW).changed == 1
    assert vault.pending.batch(10)[0].supersedes == signal(1).id


def test_a_refused_record_is_tried_again_and_a_withdrawn_one_is_not(vault: Vault) -> None:
    """Pushing a file again retries what was refused, and leaves alone what the agency withdrew."""
    number = ready(vault, 2)
    vault.outbox.offer(number)
    refusal = Refusal(code="policy_refused", rule="some-rule", detail="No.")
    vault.outbox.settle_push(number, {signal(1).id: refusal, signal(2).id: None}, [receipt(0)], NOW)
    vault.outbox.put(NewPosting(PostingKind.WITHDRAWAL, "/w", "key-2", b"{}", about=str(signal(2).id)), NOW)
    vault.outbox.settle_withdrawal(2, signal(2).id, receipt(1))
    kept = vault.signals.find("DOSSIER-1")[0]
    assert (kept.state, kept.code, kept.rule) == (SignalState.REFUSED, "policy_refused", "some-rule")
    again = vault.signals.add([signal(3, reference="DOSSIER-1"), signal(4, reference="DOSSIER-2")], NOW)
    assert (again.new, again.withdrawn) == (1, 1)


def test_a_posting_stays_open_until_it_is_settled(vault: Vault) -> None:
    """A request is offered with the same bytes and key as often as needed, and never again once it is proven."""
    number = ready(vault)
    first, second = vault.outbox.offer(number), vault.outbox.offer(number)
    assert first == second
    assert first is not None
    assert (first.body, first.idempotency_key) == (b'{"exact": "bytes"}', "key-1")
    assert vault.signals.count() == {SignalState.SENT: 2}
    assert vault.outbox.open_numbers() == [number]
    vault.outbox.settle_push(number, {signal(1).id: None, signal(2).id: None}, [receipt(0)], NOW)
    assert vault.outbox.offer(number) is None
    assert vault.outbox.open_numbers() == []
    assert vault.signals.count() == {SignalState.ACCEPTED: 2}


def test_tagging_that_lost_a_race_writes_nothing(vault: Vault) -> None:
    """When a signal changes while it is being tagged, neither its tags nor the request are written."""
    vault.signals.add([signal(1)], NOW)
    pending = vault.pending.batch(1)
    vault.signals.add([signal(2, b"changed", "DOSSIER-1")], NOW)
    posting = NewPosting(PostingKind.PUSH, "/v1/signals", "key", b"{}", PURPOSE)
    with pytest.raises(ConflictError):
        vault.outbox.put_push(posting, [(p, KEYS) for p in pending], Epoch(3), NOW)
    assert vault.outbox.count_open() == 0
    assert vault.signals.count() == {SignalState.NEW: 1}


def test_a_closed_epoch_sends_signals_back_to_tagging(vault: Vault) -> None:
    """Signals that waited past their epoch are new again, and nothing of the old tags stays."""
    number = ready(vault)
    vault.outbox.offer(number)
    vault.outbox.fail(number, "epoch_closed", epoch_closed=True)
    assert vault.signals.count() == {SignalState.NEW: 2}
    assert vault.signals.envelope_keys(signal(1).id) == ()


def test_an_equal_withdrawal_is_written_once(vault: Vault) -> None:
    """Asking twice for the same withdrawal leaves one request in the outbox."""
    posting = NewPosting(PostingKind.WITHDRAWAL, "/w", "key-1", b"{}", about="x")
    other = NewPosting(PostingKind.WITHDRAWAL, "/w", "key-2", b"{}", about="x")
    assert vault.outbox.put(posting, NOW) == vault.outbox.put(other, NOW)
    assert vault.outbox.count_open() == 1


def test_the_file_holds_no_plain_values(vault: Vault, tmp_path: Path) -> None:
    """No reference, name, envelope key or request body can be found in the raw files of the vault."""
    ready(vault)
    vault.evidence.put_person("opaque", "Anna de Vries")
    vault.evidence.put_setting("planted", "PLANTED-ON-PURPOSE")
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"PLANTED-ON-PURPOSE" in raw
    for value in (b"Willem", b"DOSSIER", b"k" * 32, b"exact", b"Anna"):
        assert value not in raw
    vault.close()


def test_the_vault_opens_only_with_its_own_key(vault: Vault, tmp_path: Path) -> None:
    """Another key is refused at once, instead of at the first value."""
    vault.close()
    with pytest.raises(ConfigurationError):
        open_vault(tmp_path, b"another")


def test_a_damaged_file_is_refused_with_a_hint(tmp_path: Path) -> None:
    """A vault that is no database gives a clear error."""
    (tmp_path / "vault.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(ConfigurationError) as caught:
        open_vault(tmp_path)
    assert caught.value.hint


def test_findings_are_kept_once_until_seen(vault: Vault) -> None:
    """The same finding is listed once, and again only when it comes back after an operator saw it."""
    for _ in range(2):
        vault.evidence.report(Code.LOG_FORKED, "log", "Two roots.", NOW, ours="a", theirs="b")
    assert len(vault.evidence.findings(unseen_only=True)) == 1
    assert vault.evidence.mark_seen(NOW) == 1
    assert vault.evidence.findings(unseen_only=True) == []
    vault.evidence.report(Code.LOG_FORKED, "log", "Two roots.", NOW)
    assert len(vault.evidence.findings()) == 2


def test_the_checkpoint_moves_only_from_the_one_compared(vault: Vault) -> None:
    """Two processes that advance the checkpoint at once cannot overwrite each other's."""
    assert vault.evidence.put_checkpoint(None, "first")
    assert not vault.evidence.put_checkpoint(None, "other")
    assert vault.evidence.put_checkpoint("first", "second")
    assert vault.evidence.checkpoint() == "second"


def test_what_is_done_together_stands_or_falls_together(vault: Vault) -> None:
    """A step that fails undoes itself only; an end before the end of all undoes all, and the steps see each other."""
    with vault.together():
        vault.evidence.put_setting("first", "1")
        with pytest.raises(ConflictError):
            vault.outbox.put_push(
                NewPosting(PostingKind.PUSH, "/v1/signals", "key", b"{}", PURPOSE),
                [(Pending(1, signal(1).id, PURPOSE, b"digest", b"", "", None), KEYS)],
                Epoch(3),
                NOW,
            )
        assert vault.evidence.setting("first") == "1"
    assert (vault.evidence.setting("first"), vault.outbox.count_open()) == ("1", 0)
    with pytest.raises(KeyboardInterrupt):
        _write_and_die(vault)
    assert vault.evidence.setting("second") is None


def _write_and_die(vault: Vault) -> None:
    with vault.together():
        vault.evidence.put_setting("second", "2")
        raise KeyboardInterrupt
