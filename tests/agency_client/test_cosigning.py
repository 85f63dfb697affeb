# SPDX-License-Identifier: EUPL-1.2
"""The agency as a witness: what it cosigns, when it shows it, and that no failure of it stands in the way."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agency_client.cosigning import AGAIN_AFTER, Cosigning, known_witnesses, last_shown
from agency_client.trail import LogKeys, Trail
from agency_client.vault import Vault
from protocol.checkpoint import WitnessSigner, cosign, open_checkpoint
from protocol.errors import Code, UnavailableError, VerificationError
from protocol.ids import PartyId
from protocol.witness_reports import CosignatureUpload, WitnessReport, WitnessReports
from tests.fakes.agency_vault import open_vault
from tests.fakes.covenants import CovenantKit, make_covenant, seed_of
from tests.fakes.served_log import MOMENT, ServedLog, leaf

ME = PartyId("police-oost")


class Broker:
    """A log, and the place where witnesses show what they saw; ``down`` makes the place fail and not the log."""

    def __init__(self, kit: CovenantKit) -> None:
        self.log = ServedLog(kit.log_signer, list(kit.witness_signers.values()), 5)
        self.notes: list[str] = []
        self.down = False
        self.reports = WitnessReports(size=5, witnesses=())

    async def checkpoint(self) -> str:
        """Serve the checkpoint."""
        return self.log.note

    async def log_file(self, path: str) -> bytes:
        """Serve a tile."""
        return self.log.fetch(path)

    async def cosign(self, upload: CosignatureUpload) -> None:
        """Take a cosignature."""
        if self.down:
            raise UnavailableError(Code.UNAVAILABLE, "Away.")
        self.notes.append(upload.note)

    async def witnesses(self) -> WitnessReports:
        """Say how far the witnesses are."""
        return self.reports


class Client:
    """The trail of one agency, with a clock that a test moves."""

    def __init__(self, folder: Path, kit: CovenantKit, signer: WitnessSigner | None) -> None:
        self.kit, self.broker, self.now = kit, Broker(kit), MOMENT
        self.vault: Vault = open_vault(folder, b"cosigning")
        shelf, covenant = self.vault.evidence, kit.covenant
        me = covenant.agency(ME)
        cosigning = Cosigning(signer, me, covenant, shelf, self.broker, self.clock)
        self.trail = Trail(shelf, self.broker, LogKeys.of(covenant), self.clock, cosigning)  # type: ignore[arg-type]

    def clock(self) -> datetime:
        """Return the moment of the test."""
        return self.now

    def shown(self) -> list[int]:
        """Return the sizes that were shown, each verified to be cosigned by us alone."""
        own = self.kit.agency_witnesses[ME].key
        opened = [open_checkpoint(note, self.kit.log_signer.key, [own], 1) for note in self.broker.notes]
        assert all(note.count("\n— ") == 2 for note in self.broker.notes), "the log's line and ours"
        return [one.checkpoint.size for one in opened]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """An agency that has looked at nothing yet."""
    kit = make_covenant(now=MOMENT)
    made = Client(tmp_path, kit, kit.agency_witnesses[ME])
    yield made
    made.vault.close()


async def test_each_proven_step_is_cosigned_and_shown(client: Client) -> None:
    """A new head is shown at once; the same one not again within the hour, and then with a fresh time."""
    await client.trail.advance()
    await client.trail.advance()
    client.broker.log.grow(3)
    await client.trail.advance()
    assert client.shown() == [5, 8]
    client.now += AGAIN_AFTER
    await client.trail.advance()
    assert client.shown() == [5, 8, 8]
    own = client.kit.agency_witnesses[ME].key
    times = [open_checkpoint(note, client.kit.log_signer.key, [own], 1).cosigned_at for note in client.broker.notes]
    assert times[2] - times[1] == AGAIN_AFTER.total_seconds()


async def test_a_fork_is_never_cosigned_and_the_broker_hears_what_we_saw(client: Client) -> None:
    """When the next head denies the last, only the last one is cosigned, and shown again: it proves the fork."""
    await client.trail.advance()
    client.broker.log.leaves[2] = bytes(65)
    client.broker.log.grow(3)
    with pytest.raises(VerificationError) as stopped:
        await client.trail.advance()
    assert stopped.value.code is Code.LOG_FORKED
    assert client.shown() == [5, 5]


async def test_a_rollback_is_shown_what_it_lost(client: Client) -> None:
    """A broker whose log is shorter than it was gets our newer checkpoint, and the client stops."""
    await client.trail.advance()
    del client.broker.log.leaves[3:]
    client.broker.log.sign()
    with pytest.raises(VerificationError) as stopped:
        await client.trail.advance()
    assert stopped.value.code is Code.LOG_ROLLED_BACK
    assert client.shown() == [5, 5]
    (finding,) = client.vault.evidence.findings(unseen_only=True)
    assert "\n5\n" in finding.ours
    assert "\n3\n" in finding.theirs


async def test_a_failing_upload_stops_nothing_and_is_seen(client: Client) -> None:
    """The trail goes on, the failure is kept for the status, and the next look tries again."""
    client.broker.down = True
    assert (await client.trail.advance()).checkpoint.size == 5
    shown = last_shown(client.vault.evidence)
    assert shown is not None
    assert shown.failed == "unavailable"
    client.broker.down = False
    await client.trail.advance()
    assert client.shown() == [5]


@pytest.mark.parametrize("signer", [None, WitnessSigner(ME, seed_of("another home"))])
async def test_without_the_covenants_key_nothing_is_cosigned(tmp_path: Path, signer: WitnessSigner | None) -> None:
    """An older home has no witness key, and another home's is not the covenant's: the client works and says so."""
    made = Client(tmp_path, make_covenant(now=MOMENT), signer)
    await made.trail.advance()
    shown = last_shown(made.vault.evidence)
    assert made.broker.notes == []
    assert shown is not None
    assert (shown.own, shown.failed) == (False, None)
    made.vault.close()


async def test_other_witnesses_are_known_by_their_own_signatures(client: Client) -> None:
    """What the broker says of a witness is kept when that witness signed it, and is an error when it did not."""
    covenant, log = client.kit.covenant, client.broker.log
    holder, line = covenant.witness_keys[0].name, log.note.splitlines(keepends=True)[-2]
    told = WitnessReport(name=holder, size=5, root=log.head.root, line=line)
    client.broker.reports = WitnessReports(size=5, witnesses=(told,))
    await client.trail.advance()
    known = known_witnesses(client.vault.evidence, covenant)
    assert known is not None
    first = known.states[0]
    assert (first.name, first.counts, first.size, first.at) == (holder, True, 5, MOMENT)
    assert not first.failing(MOMENT + timedelta(hours=5))
    assert first.failing(MOMENT + timedelta(hours=7))
    assert all(one.size is None and one.failing(MOMENT) is one.counts for one in known.states[1:])
    client.broker.reports = WitnessReports(size=9, witnesses=(told.model_copy(update={"size": 9}),))
    client.now += AGAIN_AFTER
    await client.trail.advance()
    shown = last_shown(client.vault.evidence)
    assert shown is not None
    assert shown.failed == "checkpoint_invalid"
    assert known_witnesses(client.vault.evidence, covenant) is not None


async def test_a_second_log_for_one_agency_shows_in_what_others_cosigned(client: Client) -> None:
    """Another agency cosigned a tree that is not in the log as we are shown it: the client stops, and keeps both."""
    care = PartyId("care-linde")
    real = ServedLog(client.kit.log_signer, list(client.kit.witness_signers.values()), 4)
    line = cosign(real.head, client.kit.agency_witnesses[care], MOMENT)
    told = WitnessReport(name=care, size=4, root=real.head.root, line=line)
    client.broker.reports = WitnessReports(size=5, witnesses=(told,))
    await client.trail.advance()
    assert client.vault.evidence.findings() == [], "four entries that are in ours"
    real.leaves[1] = leaf(1, "other")
    real.sign()
    line = cosign(real.head, client.kit.agency_witnesses[care], MOMENT)
    told = WitnessReport(name=care, size=4, root=real.head.root, line=line)
    client.broker.reports = WitnessReports(size=5, witnesses=(told,))
    client.now += AGAIN_AFTER
    with pytest.raises(VerificationError) as stopped:
        await client.trail.advance()
    assert stopped.value.code is Code.LOG_FORKED
    (finding,) = client.vault.evidence.findings(unseen_only=True)
    assert care in finding.theirs
    with pytest.raises(VerificationError):
        client.trail.require_unstopped()


async def test_a_quiet_log_that_is_cosigned_anew_is_not_frozen(client: Client) -> None:
    """Nothing is logged for three days while witnesses cosign the same head again: no finding; without them one."""
    await client.trail.advance()
    for hours in (20, 44, 68):
        client.now = MOMENT + timedelta(hours=hours)
        client.broker.log.sign(client.now)
        assert (await client.trail.advance()).checkpoint.size == 5
        client.trail.report_if_frozen()
        assert client.vault.evidence.findings() == []
    client.now += timedelta(hours=25)
    await client.trail.advance()
    client.trail.report_if_frozen()
    (finding,) = client.vault.evidence.findings()
    assert finding.code == Code.QUORUM_MISSING
