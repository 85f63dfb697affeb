# SPDX-License-Identifier: EUPL-1.2
"""Canaries at the client: what a cover refuses to sign, and what a supervisor refuses to plant."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from agency_client.canaries import checked, lent, put_planted
from agency_client.canary_drafting import statement_of
from agency_client.draft import Draft, DraftKey
from agency_client.session import Session
from agency_client.states import SignalState
from agency_client.submit import Sender, Tagging, ToSign, derive, make_signal
from agency_client.vault import Vault
from agency_client.vault.adding import NewSignal
from agency_client.vault.canaries import Drafted
from edge.keyfile import SecretBytes, ValueCipher
from protocol.agreed import Agreed
from protocol.canaries import CanaryRequest, LentName, SignedCanaryRequest
from protocol.encoding import format_time
from protocol.errors import Code, InputError, NotFoundError, RefusedError, SluisError, VerificationError
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import PushRequest, parse
from tests.fakes.broker_world import new_signal_id
from tests.fakes.covenants import make_covenant
from tests.fakes.small_world import NOW

SUPERVISOR, OTHER, COVER, POLICE = (
    PartyId(name) for name in ("supervisor-mid", "supervisor-zuid", "care-linde", "police-oost")
)
ALSO = ((SUPERVISOR, "supervisor", "Toezicht Midden"), (OTHER, "supervisor", "Toezicht Zuid"))
KIT = make_covenant(now=NOW, also=ALSO)  # type: ignore[arg-type]  # kinds as words
AGREED = Agreed.of(KIT.covenant)
PURPOSE = PurposeId("offender-prevention")
EPOCH = KIT.covenant.epoch_at(NOW)


@pytest.fixture
def session_of(tmp_path: Path) -> Callable[[PartyId], Session]:
    """Return what makes the session of an agency, each time with the same vault."""
    vaults: dict[PartyId, Vault] = {}

    def made(party: PartyId) -> Session:
        vault = vaults.get(party) or Vault(tmp_path / f"{party}.db", ValueCipher(SecretBytes(b"k" * 32)), b"l" * 32)
        vaults[party] = vault
        sender = Sender(KIT.signers[party], b"c" * 32)
        found = SimpleNamespace(
            agreed=AGREED,
            covenant=KIT.covenant,
            engine=AGREED.engine,
            me=KIT.covenant.agency(party),
            vault=vault,
            clock=lambda: NOW,
            identity=SimpleNamespace(sender=sender),
        )
        return cast(Session, found)

    return made


def drafted(session: Session, *references: str, epoch: Epoch = EPOCH) -> list[Drafted]:
    """Draft canaries under the cover's name and keep them in the supervisor's vault."""
    found: list[Drafted] = []
    for reference in references:
        key = DraftKey(KeyKind("phone"), "subject", f"+3160000{len(found):04}")
        card = {"contact": {"unit": "Team", "phone": "088 000 00 00"}}
        draft = Draft(reference, reference, ("exploits-or-recruits",), "reporting-right", (key,), card)  # type: ignore[arg-type]
        tagging = Tagging.of([draft])
        derived = derive([os.urandom(64)], PURPOSE, epoch)
        expires = NOW + timedelta(days=30)
        to_sign = ToSign(new_signal_id(), draft, format_time(expires), None)
        signal, keys = make_signal(to_sign, tagging, derived, PURPOSE, epoch, session.identity.sender, COVER)
        found.append(Drafted(signal, draft.to_bytes(), keys, expires))
    session.vault.canaries.put(found, references, COVER, NOW)
    return found


def request_of(found: list[Drafted], planter: PartyId = SUPERVISOR, cover: PartyId = COVER) -> CanaryRequest:
    """Return the request for these canaries."""
    return CanaryRequest(
        planter=planter, cover=cover, made_at=NOW, statements=tuple(statement_of(one) for one in found)
    )


def signed(request: CanaryRequest, by: PartyId | None = None) -> SignedCanaryRequest:
    """Return the request as its planter, or another, signs it."""
    return SignedCanaryRequest.of(request, KIT.signers[by or request.planter])


def lend_all(session_of: Callable[[PartyId], Session], found: list[Drafted]) -> LentName:
    """Return the cover's signatures."""
    cover = session_of(COVER)
    return lent(cover, checked(cover, signed(request_of(found))))


def test_what_the_cover_signed_is_planted_once(session_of: Callable[[PartyId], Session]) -> None:
    """Planted canaries go out under the cover's key, are never ordinary signals that wait, and go once."""
    supervisor = session_of(SUPERVISOR)
    found = drafted(supervisor, "C-1", "C-2")
    name = lend_all(session_of, found)
    number = put_planted(supervisor, name)
    assert number is not None
    posting = supervisor.vault.outbox.offer(number)
    assert posting is not None
    sent = parse(PushRequest, posting.body).signals
    assert [(one.cover, one.key_id) for one in sent] == [(COVER, f"{COVER}:1")] * 2
    assert supervisor.vault.signals.count() == {SignalState.SENT: 2}
    assert supervisor.vault.pending.batch(10) == []
    assert {supervisor.vault.canaries.cover_of(one.id) for one in sent} == {COVER}
    assert [one.planted for one in supervisor.vault.canaries.all()] == [True, True]
    assert put_planted(supervisor, name) is None


@pytest.mark.parametrize(
    ("bend", "code"),
    [
        (lambda one: signed(one, POLICE), Code.SIGNATURE_INVALID),
        (lambda one: signed(one).model_copy(update={"request": one.model_copy(update={"made_at": later()})}), None),
        (lambda one: signed(one.model_copy(update={"cover": POLICE})), Code.CONFLICT),
        (lambda one: signed(one.model_copy(update={"planter": POLICE})), Code.POLICY_REFUSED),
        (lambda one: signed(_of_epoch(one, Epoch(EPOCH + 9))), Code.POLICY_REFUSED),
    ],
    ids=["another's signature", "changed after signing", "for another cover", "no supervisor", "no live epoch"],
)
def test_a_cover_lends_nothing_that_is_not_in_order(
    session_of: Callable[[PartyId], Session], bend: Callable[[CanaryRequest], SignedCanaryRequest], code: Code | None
) -> None:
    """Refused: what the supervisor did not sign so, what is for another, and what no rule allows."""
    request = request_of(drafted(session_of(SUPERVISOR), "C-1"))
    with pytest.raises((VerificationError, InputError, RefusedError)) as refused:
        checked(session_of(COVER), bend(request))
    assert refused.value.code is (code or Code.SIGNATURE_INVALID)


def test_a_cover_does_not_sign_for_a_signal_of_its_own(session_of: Callable[[PartyId], Session]) -> None:
    """A request with the id of one of the cover's own signals would put other parts under it."""
    cover = session_of(COVER)
    request = request_of(drafted(session_of(SUPERVISOR), "C-1"))
    own = SignalId(request.statements[0].id)
    cover.vault.signals.add([NewSignal(own, PURPOSE, "R-1", b"draft", NOW + timedelta(days=9))], NOW)
    with pytest.raises(InputError, match="itself"):
        checked(cover, signed(request))


def test_a_supervisor_plants_only_its_own_canaries_as_they_were_signed(
    session_of: Callable[[PartyId], Session],
) -> None:
    """Refused: a signature of another agency or over another canary, a file for another supervisor, unknown ids."""
    supervisor = session_of(SUPERVISOR)
    found = drafted(supervisor, "C-1", "C-2")
    name = lend_all(session_of, found)
    first, second = name.signatures
    swapped = (first.model_copy(update={"signature": second.signature}), second)
    for wrong in (name.model_copy(update={"signatures": swapped}), name.model_copy(update={"key_id": f"{POLICE}:1"})):
        with pytest.raises(VerificationError):
            put_planted(supervisor, wrong)
    with pytest.raises(InputError):
        put_planted(session_of(OTHER), name)
    with pytest.raises(NotFoundError):
        put_planted(session_of(OTHER), name.model_copy(update={"planter": OTHER}))
    assert supervisor.vault.signals.count() == {}
    assert [one.planted for one in supervisor.vault.canaries.all()] == [False, False]


def test_a_reference_is_planted_once(session_of: Callable[[PartyId], Session]) -> None:
    """Two drafts of one reference cannot both stand: the list and a withdrawal would not know which is meant."""
    supervisor = session_of(SUPERVISOR)
    first, again = drafted(supervisor, "C-1"), drafted(supervisor, "C-1")
    put_planted(supervisor, lend_all(session_of, first))
    with pytest.raises(SluisError, match="stands"):
        put_planted(supervisor, lend_all(session_of, again))
    assert supervisor.vault.signals.count() == {SignalState.READY: 1}


def test_nothing_about_a_canary_lies_readable_in_the_vault(
    session_of: Callable[[PartyId], Session], tmp_path: Path
) -> None:
    """Reference, number and tags are sealed, before planting and after."""
    supervisor = session_of(SUPERVISOR)
    found = drafted(supervisor, "SECRET-REFERENCE")
    put_planted(supervisor, lend_all(session_of, found))
    raw = b"".join(path.read_bytes() for path in tmp_path.glob(f"{SUPERVISOR}*"))
    for secret in (b"SECRET-REFERENCE", b"+3160000", found[0].signal.keys[0].tag):
        assert secret not in raw


def later() -> datetime:
    """Return another moment than the request's."""
    return NOW + timedelta(seconds=1)


def _of_epoch(request: CanaryRequest, epoch: Epoch) -> CanaryRequest:
    changed = tuple(one.model_copy(update={"epoch": epoch}) for one in request.statements)
    return request.model_copy(update={"statements": changed})
