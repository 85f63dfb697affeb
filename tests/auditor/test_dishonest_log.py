# SPDX-License-Identifier: EUPL-1.2
"""What an outsider finds of each lie with public keys alone; and what it cannot, which is said too."""

import pytest

from auditor.state import Seen
from auditor.walk import Verified, terms_of, verify_log
from protocol.checkpoint import open_signed
from protocol.errors import Code, NotFoundError, VerificationError
from tests.fakes.covenants import make_covenant
from tests.fakes.dishonest_log import LIES, OWN, Lie, looked, others
from tests.fakes.searched_log import SearchedLog
from tests.fakes.small_world import NOW, make_world

KIT = make_covenant(now=NOW)


@pytest.fixture
def log() -> SearchedLog:
    """Return an honest log of some acts."""
    log = SearchedLog(make_world(KIT))
    others(log, OWN)
    looked(log)
    others(log, 20)
    return log


def verify(log: SearchedLog, seen: Verified | None = None) -> Verified:
    """Verify as `sluis audit verify` does: from zero, or on from its state file."""

    def fetch(path: str) -> bytes:
        memory = log.world.broker.log
        if path == "checkpoint":
            return memory.checkpoint().encode()
        try:
            return memory.file(path)
        except NotFoundError as error:
            raise VerificationError(Code.LOG_INCOMPLETE, "Not served.") from error

    terms = terms_of(log.covenant)
    held = None if seen is None else Seen(open_signed(seen.cosigned.note, terms.log_key), seen.tree)
    return verify_log(terms, fetch, held)


@pytest.mark.parametrize("lie", LIES, ids=[f"{lie.name}: {lie.outsider or 'not to be seen'}" for lie in LIES])
def test_each_lie_has_its_alarm_or_is_not_to_be_seen(log: SearchedLog, lie: Lie) -> None:
    """An outsider that verified once finds it from zero or onward, unless only a reader of entries can."""
    before = verify(log)
    lie.tell(log)
    found = set()
    for seen in (None, before):
        try:
            verify(log, seen)
        except VerificationError as error:
            found.add(error.code)
    assert found == (set() if lie.outsider is None else {lie.outsider})
