# SPDX-License-Identifier: EUPL-1.2
"""An agency renews the key that others seal to, by its own command and the board's, and what was sealed still opens."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from agency_client.disclosure_kept import KeptDisclosure
from agency_client.session import opened
from agency_client.settings import IDENTITY, open_home
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from board.parties import parties_of
from edge.covenant_folder import read_folder
from edge.covenant_trust import CovenantTrust
from edge.keyfile import Profile, SecretText, read_keyfile, write_keyfile
from protocol.covenant import Covenant, dump_parties, read_party
from protocol.covenant_reading import PARTIES
from protocol.disclosure_payload import Wanted
from protocol.disclosure_states import Step
from protocol.disclosures import Terms
from protocol.errors import Code, ConfigurationError, VerificationError
from protocol.hpke import OpeningKey, OpeningKeys, RecipientKey
from protocol.ids import DisclosureId, HitId, PartyId, PurposeId, SignalId
from protocol.messages import Justification, utc
from tests.fakes.agency_home import WEST, west
from tests.fakes.covenant_repository import SignedCovenants
from tests.fakes.covenants import make_covenant
from tests.fakes.keyholders import ENVIRONMENT, PASSPHRASE
from tests.fakes.processes import run

SECRET = SecretText(PASSPHRASE)
INFO = b"what it belongs to"


def now() -> datetime:
    """Return the present moment."""
    return utc(datetime.now(UTC))


@dataclass
class Place:
    """An agency's home, and the board that says which key it has."""

    home: Path
    folder: Path
    board: SignedCovenants
    signed: int = 0

    def renew(self, *more: str, status: int = 0) -> str:
        """Run the agency's command, and return all that it says."""
        line = ["agency", "renew-disclosure-key", "--home", str(self.home), *more]
        done = run(line, environment=ENVIRONMENT, seconds=60, status=status)
        return str(done.stdout) + str(done.stderr)

    def add(self, *more: str, status: int = 0) -> str:
        """Let the board take the agency's statement into its folder."""
        line = ["policy", "add-party", str(self.folder), str(self.home / "party.yaml"), *more]
        done = run(line, environment=ENVIRONMENT, seconds=60, status=status)
        return str(done.stdout) + str(done.stderr)

    def state_for_it(self, key: RecipientKey | None) -> None:
        """Let the board's folder name another key than the agency stated, as only the board can."""
        parties = parties_of(Covenant.parse(dict(read_folder(self.folder))))
        encoded = None if key is None else key.encoded
        agencies = tuple(
            one.model_copy(update={"disclosure_key": encoded}) if one.id == WEST else one for one in parties.agencies
        )
        (self.folder / PARTIES).write_text(dump_parties(parties.model_copy(update={"agencies": agencies})))

    def sign(self) -> None:
        """Let the board sign what stands in its folder, as a version of its own."""
        self.signed += 1
        path = self.folder / "covenant.yaml"
        path.write_text(re.sub(r"(?m)^version: .*$", f'version: "2026.{self.signed}"', path.read_text()))
        self.board.add(dict(read_folder(self.folder)))
        self.board.publish()

    def keys(self) -> OpeningKeys:
        """Open the agency's own keys."""
        found = open_home(self.home).identity(SECRET).disclosure
        assert found is not None
        return found

    def stated(self) -> RecipientKey:
        """Return the key that its statement for the board names."""
        agency = read_party("party.yaml", (self.home / "party.yaml").read_bytes()).agency
        assert agency is not None
        assert agency.recipient is not None
        return agency.recipient

    def named(self) -> RecipientKey | None:
        """Return the key that the newest covenant names, as a command that goes online sees it."""
        open_home(self.home).trust().refresh()
        with opened(self.home, SECRET, now) as session:
            return session.me.recipient


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return an enrolled home, in a covenant that the board signed."""
    made = west(tmp_path / "home", SECRET, now())
    board = SignedCovenants(tmp_path / "board")
    board.add_root()
    found = Place(made.folder, make_covenant(now=now()).write(tmp_path / "policies"), board)
    assert "added" in found.add()
    found.sign()
    CovenantTrust.begin(made.folder / "covenant", board.root, str(board.published)).refresh()
    return found


def test_a_new_key_takes_over_once_the_board_has_signed_it(place: Place) -> None:
    """Made once however often it is asked for; the board sees what changes; what is sealed to either key opens."""
    first = place.stated()
    before = first.seal(b"sealed before", INFO)
    assert "A new disclosure key is made." in place.renew()
    second = place.stated()
    assert second != first
    assert "A new disclosure key is made." not in place.renew()
    assert place.stated() == second
    assert place.named() == first

    assert "--replace" in place.add(status=65)
    assert "police-west: replaced: disclosureKey" in place.add("--replace")
    place.sign()
    assert place.named() == second
    assert place.keys().open(before, INFO) == b"sealed before"
    assert place.keys().open(second.seal(b"sealed after", INFO), INFO) == b"sealed after"


def test_older_keys_are_destroyed_when_asked_for_and_never_the_one_in_use(place: Place) -> None:
    """Others seal to the key that the covenant names: it stays, though it is not the newest; later it goes."""
    first = place.stated()
    place.renew()
    assert "kept: 1." in place.renew("--forget-older")
    assert place.keys().publics == {first.encoded, place.stated().encoded}
    place.add("--replace")
    place.sign()
    place.named()
    assert "kept: 0." in place.renew("--forget-older")
    assert place.keys().publics == {place.stated().encoded}
    with pytest.raises(VerificationError):
        place.keys().open(first.seal(b"too late", INFO), INFO)


def test_older_keys_stay_while_an_answer_may_be_sealed_to_them(place: Place) -> None:
    """A request of our own that is under way stops it, unless somebody says that it may be lost."""
    place.renew()
    place.add("--replace")
    place.sign()
    place.named()
    terms = Terms(DisclosureId(uuid4()), HitId(uuid4()), WEST, PartyId("police-oost"), PurposeId("offender-prevention"))
    asked = KeptDisclosure.begun(
        terms,
        "mine",
        SignalId(uuid4()),
        at=now(),
        due_at=now() + timedelta(hours=72),
        why=Justification(code="case-work", text="Vanavond op huisbezoek.", case_reference="Z-1"),
        wanted=Wanted(text="Is het veilig?"),
        request="a1" * 32,
        waiting=Step.ASK,
    )
    with opened(place.home, SECRET, now, offline=True) as session:
        posting = NewPosting(PostingKind.DISCLOSURE_REQUEST, "/v1/disclosure-requests", new_key(), b"{}", terms.purpose)
        session.vault.disclosures.ask(asked, posting, now())
    assert "1 of your own requests" in place.renew("--forget-older", status=65)
    assert len(place.keys().publics) == 2
    assert "kept: 0." in place.renew("--forget-older", "--yes")


def test_a_home_from_before_disclosures_gets_its_first_key(place: Place) -> None:
    """Without one it can be given nothing; after the command, and the board, it can."""
    held = {name: secret.reveal() for name, secret in read_keyfile(place.home / IDENTITY, SECRET).items()}
    del held["disclosure"]
    write_keyfile(place.home / IDENTITY, held, SECRET, profile=Profile.INTERACTIVE)
    place.state_for_it(None)
    place.sign()
    assert place.named() is None
    place.renew()
    assert place.named() is None
    place.add("--replace")
    place.sign()
    assert place.named() == place.stated()


def test_a_key_that_is_nowhere_here_stops_the_client(place: Place) -> None:
    """When the covenant names a key of which this home has no private half, nothing is done under it."""
    place.state_for_it(OpeningKey(bytes(32)).public)
    place.sign()
    with pytest.raises(ConfigurationError, match="disclosure key") as refused:
        place.named()
    assert refused.value.code is Code.COVENANT_INVALID
