# SPDX-License-Identifier: EUPL-1.2
"""What is on an agency's own disk can be looked at when the covenant is over, and nothing can be done with it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from agency_client.session import opened
from board.parties import add_party, parties_of
from edge.covenant_trust import CovenantTrust
from edge.keyfile import SecretText
from protocol.covenant import dump_parties, read_party
from protocol.errors import Code, NotFoundError, SluisError
from protocol.ids import PurposeId
from protocol.messages import utc
from protocol.policy import Evaluate
from tests.fakes.agency_home import west
from tests.fakes.covenant_repository import SignedCovenants
from tests.fakes.covenants import make_covenant

PASSPHRASE = SecretText("correct horse battery staple")
HOLDS = timedelta(days=2)
"""How long the signatures hold."""


def now() -> datetime:
    """Return the present moment."""
    return utc(datetime.now(UTC))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Yield an enrolled home that was opened once, and whose covenant's signatures have run out since."""
    made = west(tmp_path / "home", PASSPHRASE, now())
    kit = make_covenant(now=now())
    parties = add_party(parties_of(kit.covenant), read_party("party.yaml", made.statement_path.read_bytes()))
    board = SignedCovenants(tmp_path / "board")
    board.add_root()
    board.add(kit.files | {"parties.yaml": dump_parties(parties).encode()}, days=HOLDS / timedelta(days=1))
    board.publish()
    CovenantTrust.begin(made.folder / "covenant", board.root, str(board.published)).refresh()
    with opened(made.folder, PASSPHRASE, now):
        pass
    # The clock of the whole process is moved: the library that checks the signatures reads it itself.
    with time_machine.travel(datetime.now(UTC) + HOLDS + timedelta(hours=1)):
        yield made.folder


def test_what_is_here_is_shown_and_nothing_can_be_done(home: Path) -> None:
    """With signatures that ran out a home opens for looking only: it warns, and every rule says no."""
    warned: list[str] = []
    with opened(home, PASSPHRASE, now, offline=True, warn=warned.append) as session:
        assert session.me.id == "police-west"
        assert session.vault.signals.count() == {}
        question = Evaluate(session.me.id, PurposeId("offender-prevention"), session.covenant.epoch_at(now()), now())
        assert session.engine.decide(question).rule == "guard.covenant-not-in-force"
    assert len(warned) == 1
    with pytest.raises(SluisError) as refused, opened(home, PASSPHRASE, now):
        pass
    assert refused.value.code is Code.COVENANT_EXPIRED


def test_only_the_very_bytes_that_were_acted_under_are_shown_by(home: Path) -> None:
    """A changed text of the last covenant is not shown by, also not for looking."""
    [kept] = (home / "covenant" / "targets").iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"Politie West", b"Politie Oost"))
    with pytest.raises(NotFoundError), opened(home, PASSPHRASE, now, offline=True, warn=lambda _: None):
        pass
