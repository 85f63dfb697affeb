# SPDX-License-Identifier: EUPL-1.2
"""What an operator does with accounts, and what a stolen disk does not tell."""

from pathlib import Path

import pytest

from agency_client.people.accounts import AccountState
from agency_client.people.lockout import ACCOUNT
from protocol.errors import AuthenticationError, ConflictError, InputError, NotFoundError
from tests.fakes.login_world import OFFICE, PASSWORD, LoginWorld, login_world


def test_removing_somebody_works_at_once(logins: LoginWorld) -> None:
    """Open sessions end and the password is no password any more."""
    entered, _, _ = logins.enrolled("anna")
    logins.staff.remove("anna")
    assert logins.entrance.who(entered.token) is None
    with pytest.raises(AuthenticationError):
        logins.entrance.by_password("anna", PASSWORD, OFFICE)
    assert logins.staff.all() == []


def test_a_name_is_not_given_to_somebody_else(logins: LoginWorld) -> None:
    """The log knows people by it; the same person may come back."""
    logins.enrolled("anna")
    logins.staff.remove("anna")
    with pytest.raises(ConflictError, match="somebody's before"):
        logins.staff.add("anna", "Anna Anders", ["operator"], "nl")
    assert logins.staff.add("anna", "Anna", ["operator"], "nl", again=True).code is not None
    with pytest.raises(ConflictError):
        logins.staff.add("anna", "Anna", ["operator"], "nl", again=True)


def test_a_reset_voids_everything_and_ends_all_sessions(logins: LoginWorld) -> None:
    """Password, app and recovery codes; the new one-time code begins again."""
    entered, secret, codes = logins.enrolled("anna")
    asked = logins.entrance.by_password("anna", PASSWORD, OFFICE)
    added = logins.staff.reset("anna")
    assert added.account.state is AccountState.WAITS
    assert logins.entrance.who(entered.token) is None
    for code in (logins.code(secret), codes[0]):
        with pytest.raises(AuthenticationError):
            logins.entrance.by_code(asked.token, code, OFFICE)
    assert added.code is not None
    assert logins.desk.begin("anna", added.code, PASSWORD, PASSWORD, OFFICE)


def test_opening_an_account_lets_its_owner_try_again(logins: LoginWorld) -> None:
    """Without changing what it is opened with."""
    logins.enrolled("anna")
    for _ in range(ACCOUNT.free):
        with pytest.raises(AuthenticationError):
            logins.entrance.by_password("anna", "iets dat het niet is", OFFICE)
    logins.staff.unlock("anna")
    assert logins.entrance.by_password("anna", PASSWORD, OFFICE)


@pytest.mark.parametrize("name", ["", "a", "Anna!", "1anna", "anna bakker", "a" * 41, "<b>anna</b>", "anna\n"])
def test_what_is_no_user_name_is_refused(logins: LoginWorld, name: str) -> None:
    """With words that say what is one."""
    if name == "anna\n":
        assert logins.staff.add(name, "Anna", ["operator"], "nl").account.subject == "anna"
        return
    with pytest.raises(InputError) as caught:
        logins.staff.add(name, "Anna", ["operator"], "nl")
    assert caught.value.hint


@pytest.mark.parametrize("roles", [[], ["system"], ["baas"], ["coordinator", "system"]])
def test_people_get_people_s_roles(logins: LoginWorld, roles: list[str]) -> None:
    """A machine's role is no person's."""
    with pytest.raises(InputError, match="role"):
        logins.staff.add("anna", "Anna", roles, "nl")


def test_who_is_logged_in_can_be_seen_and_ended(logins: LoginWorld) -> None:
    """By an operator, for one person or all."""
    first, secret, _ = logins.enrolled("anna")
    logins.logged_in("anna", secret)
    other, _, _ = logins.enrolled("bert")
    assert len(logins.staff.sessions()) == 3
    assert logins.staff.log_out("anna") == 2
    assert logins.entrance.who(first.token) is None
    assert logins.entrance.who(other.token) is not None
    assert logins.staff.log_out(None) == 1


def test_there_is_nobody_of_a_name_that_was_not_added(logins: LoginWorld) -> None:
    """And the answer says where to look."""
    with pytest.raises(NotFoundError) as caught:
        logins.staff.reset("niemand")
    assert "list" in (caught.value.hint or "")


def test_a_stolen_disk_tells_no_name_no_secret_and_no_session(tmp_path: Path) -> None:
    """The raw bytes of the vault's files, without its keys, hold nothing of what was planted."""
    world = login_world(tmp_path)
    added = world.staff.add("geheimenaam", "Zeldzame Achternaam", ["privacy-officer"], "nl")
    assert added.code is not None
    begun = world.desk.begin("geheimenaam", added.code, PASSWORD, PASSWORD, OFFICE)
    secret = world.desk.enrolment(begun.token)[0].secret
    done = world.desk.confirm(begun.token, world.code(secret), OFFICE)
    world.later(minutes=1)
    again = world.logged_in("geheimenaam", secret)
    account = world.vault.people.account(again.account.id)
    assert account is not None
    planted = [
        *("geheimenaam", "Zeldzame", "Achternaam", "privacy-officer", PASSWORD, secret, "$argon2id$", "192.0.2.7"),
        *("Firefox", added.code, *done.codes, begun.token, done.entered.token, again.token),
        world.present(again).csrf,
    ]
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert len(raw) > 10_000
    assert not [one for one in planted if one.encode() in raw]
    for hashed in account.proofs.recovery:
        assert hashed not in raw
