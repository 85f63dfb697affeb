# SPDX-License-Identifier: EUPL-1.2
"""Data keys in files and what is sealed under them: opened by the same folder only, and never again once gone."""

import os
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from broker.data_keys import DataKeyFolder, month_of
from broker.sealing import MonthKeys, Sealed, handle, handles_of, seal, unseal
from edge.keyfile import SecretBytes, ValueCipher
from protocol.commitments import commit, leaf_of, open_entry
from protocol.errors import ConfigurationError, InputError, NotFoundError, VerificationError
from protocol.events import Act, CovenantRef, Event, HitOpened, Subject, Words
from protocol.ids import HitId, PartyId, SignalId

SECRET = SecretBytes(bytes(range(32)))
MONTH = "2026-11"
SIGNAL, HIT = SignalId(uuid4()), HitId(uuid4())


def keys_in(folder: Path, secret: SecretBytes = SECRET) -> DataKeyFolder:
    """Return a process's view of a folder."""
    return DataKeyFolder(folder, ValueCipher(secret), os.urandom)


def event() -> Event:
    """Return an event with everything that can be erased."""
    act = Act(
        time=datetime(2026, 11, 22, 12, tzinfo=UTC),
        covenant=CovenantRef(version="2026.1", sha256="ab" * 32),
        agency=PartyId("police-oost"),
        person="p-7f3a91",
        justification="own-case",
    )
    said = Words(text="Overleg.", case_reference="Z-1")
    return HitOpened(act=act, subject=Subject(signal_ids=(SIGNAL,), hit_id=HIT, tag_digests=(b"t" * 32,), words=said))


def sealed_in(keys: DataKeyFolder, event_id: UUID) -> tuple[Sealed, bytes]:
    """Return an event at rest, and its leaf."""
    made = commit(event(), os.urandom(32), os.urandom(32))
    return seal(keys.of_month(MONTH, make=True), event_id, made.opening), made.leaf


def test_what_is_sealed_opens_with_the_same_folder_only(tmp_path: Path) -> None:
    """Another process of the same broker opens an entry; another data key, event or month does not."""
    one, other = uuid4(), uuid4()
    sealed, leaf = sealed_in(keys_in(tmp_path / "a"), one)
    again = keys_in(tmp_path / "a").of_month(MONTH)
    opening = unseal(again, one, sealed, leaf)
    assert leaf_of(opening) == leaf
    assert open_entry(opening).event == event()
    for part in (sealed.record, sealed.subject or b""):
        assert all(word not in part for word in (b"Overleg", b"p-7f3a91", str(SIGNAL).encode(), b"own-case"))
    with pytest.raises(VerificationError):
        unseal(again, other, sealed, leaf)
    with pytest.raises(VerificationError):
        unseal(keys_in(tmp_path / "b").of_month(MONTH, make=True), one, sealed, leaf)
    with pytest.raises(ConfigurationError):
        keys_in(tmp_path / "a", SecretBytes(bytes(32))).of_month(MONTH)
    (tmp_path / "a" / "2026-11.keys").rename(tmp_path / "a" / "2026-12.keys")
    with pytest.raises(ConfigurationError):
        keys_in(tmp_path / "a").of_month("2026-12")


@pytest.mark.parametrize("part", ["record", "subject"])
def test_a_changed_byte_at_rest_is_found(tmp_path: Path, part: str) -> None:
    """No byte of a sealed part can be changed unseen."""
    keys, one = keys_in(tmp_path), uuid4()
    sealed, leaf = sealed_in(keys, one)
    held = getattr(sealed, part)
    bent = bytes((held[0] ^ 1,)) + held[1:]
    changed = Sealed(bent, sealed.subject) if part == "record" else Sealed(sealed.record, bent)
    with pytest.raises(VerificationError):
        unseal(keys.of_month(MONTH), one, changed, leaf)


def test_a_destroyed_part_never_opens_again_and_its_record_does(tmp_path: Path) -> None:
    """After one part's key is destroyed its bytes open nowhere; the record and every other part still do."""
    keys, other_process = keys_in(tmp_path), keys_in(tmp_path)
    gone, stays = uuid4(), uuid4()
    (gone_sealed, gone_leaf), (stays_sealed, stays_leaf) = sealed_in(keys, gone), sealed_in(keys, stays)
    other_process.of_month(MONTH)
    before = (tmp_path / "2026-11.keys").read_bytes()
    keys.puncture(MONTH, [gone])
    for view in (keys, other_process, keys_in(tmp_path)):
        held = view.of_month(MONTH)
        with pytest.raises(NotFoundError):
            unseal(held, gone, gone_sealed, gone_leaf)
        left = open_entry(unseal(held, gone, Sealed(gone_sealed.record, None), gone_leaf))
        assert (left.erased, left.leaf) == (True, gone_leaf)
        assert leaf_of(unseal(held, stays, stays_sealed, stays_leaf)) == stays_leaf
    assert (tmp_path / "2026-11.keys").read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["2026-11.keys"]


def test_a_destroyed_month_is_gone(tmp_path: Path) -> None:
    """After a month's keys are destroyed nothing of it opens, in any process, and other months do."""
    keys, other_process = keys_in(tmp_path), keys_in(tmp_path)
    sealed, leaf = sealed_in(keys, SIGNAL)
    keys.of_month("2026-12", make=True)
    other_process.of_month(MONTH)
    keys.destroy(MONTH)
    keys.destroy(MONTH)
    for view in (keys, other_process):
        assert view.months() == ["2026-12"]
        with pytest.raises(ConfigurationError):
            unseal(view.of_month(MONTH), SIGNAL, sealed, leaf)


def test_processes_that_begin_a_month_at_once_share_its_keys(tmp_path: Path) -> None:
    """Whoever comes first draws a month's keys; all others get the same."""
    views = [keys_in(tmp_path) for _ in range(8)]
    found: list[MonthKeys] = []
    threads = [
        threading.Thread(target=lambda view=view: found.append(view.of_month(MONTH, make=True))) for view in views
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({keys.to_bytes() for keys in found}) == 1


def test_a_month_is_that_of_utc() -> None:
    """The month of a moment is counted in UTC, wherever the clock stands."""
    late = datetime(2026, 12, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert month_of(late) == "2026-11"


def test_handles_find_an_event_and_tell_nothing(tmp_path: Path) -> None:
    """An event is found by its signals, hit, tags and person in its month; another month's handles are others."""
    one, other = MonthKeys.of(os.urandom(96)), MonthKeys.of(os.urandom(96))
    found = handles_of(one, event())
    wanted = [("signal", SIGNAL.bytes), ("tag", b"t" * 32), ("hit", HIT.bytes), ("person", b"police-oost/p-7f3a91")]
    assert list(found) == [handle(one, kind, value) for kind, value in wanted]  # type: ignore[arg-type]
    assert not set(found) & set(handles_of(other, event()))
    assert all(-(2**63) <= number < 2**63 for number in found)


@pytest.mark.parametrize("raw", [b"", b"\x02" + bytes(105), b"\x01" + bytes(63), b"\x01" + bytes(64) + b"x"])
def test_other_bytes_are_no_month_keys(raw: bytes) -> None:
    """An unknown version or a cut form is refused."""
    with pytest.raises(InputError):
        MonthKeys.from_bytes(raw)
