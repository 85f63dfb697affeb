# SPDX-License-Identifier: EUPL-1.2
"""Logging in: password, then code; every failure alike; pauses; sessions that end."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from agency_client.people.entering import Provided
from agency_client.people.gate import Source
from agency_client.people.lockout import ACCOUNT, ADDRESS, PausedError
from agency_client.people.logins import Result
from agency_client.people.sessions import IDLE, LONGEST, UNFINISHED, Stage
from protocol.errors import AuthenticationError, RefusedError, SluisError
from tests.fakes.login_world import OFFICE, PASSWORD, LoginWorld

ELSEWHERE = Source("198.51.100.9", "")


def test_password_and_code_open_a_full_session(logins: LoginWorld) -> None:
    """The password alone shows nothing."""
    _, secret, _ = logins.enrolled()
    asked = logins.entrance.by_password("Anna ", PASSWORD, OFFICE)
    assert asked.session.stage is Stage.PASSWORD
    assert logins.entrance.who(asked.token) is None
    entered = logins.entrance.by_code(asked.token, logins.code(secret), OFFICE)
    assert logins.present(entered).account.subject == "anna"


def test_logging_in_gives_a_new_token(logins: LoginWorld) -> None:
    """Session fixation: the token from before the code stands for nothing afterwards."""
    _, secret, _ = logins.enrolled()
    asked = logins.entrance.by_password("anna", PASSWORD, OFFICE)
    entered = logins.entrance.by_code(asked.token, logins.code(secret), OFFICE)
    assert entered.token != asked.token
    assert logins.entrance.who(asked.token) is None
    with pytest.raises(AuthenticationError):
        logins.entrance.by_code(asked.token, logins.code(secret, 1), OFFICE)


def _failure(logins: LoginWorld, name: str, password: str) -> SluisError:
    with pytest.raises(SluisError) as caught:
        logins.entrance.by_password(name, password, OFFICE)
    return caught.value


def test_every_failure_says_the_same(logins: LoginWorld) -> None:
    """A wrong name, a wrong password, an account that waits and one that was removed cannot be told apart."""
    logins.enrolled("anna")
    logins.enrolled("weg")
    logins.staff.remove("weg")
    logins.staff.add("nieuw", "Nieuw", ["operator"], "nl")
    found = [
        _failure(logins, name, "iets dat het niet is") for name in ("anna", "niemand", "weg", "nieuw", "", "x" * 999)
    ]
    assert len({(type(one), one.code, str(one)) for one in found}) == 1


def test_a_name_without_an_account_is_paused_alike(logins: LoginWorld) -> None:
    """Otherwise the pause would tell which names exist."""
    logins.enrolled("anna")
    answers = {}
    for name in ("anna", "niemand"):
        answers[name] = [str(_failure(logins, name, "iets dat het niet is")) for _ in range(ACCOUNT.free + 2)]
    assert answers["anna"] == answers["niemand"]
    assert "too many" in answers["anna"][-1]


def test_while_it_is_paused_the_right_password_does_not_help_either(logins: LoginWorld) -> None:
    """Or a guesser would know which guess was right; after the pause it does."""
    logins.enrolled("anna")
    for _ in range(ACCOUNT.free):
        _failure(logins, "anna", "iets dat het niet is")
    with pytest.raises(RefusedError):
        logins.entrance.by_password("anna", PASSWORD, OFFICE)
    logins.later(seconds=ACCOUNT.first.total_seconds())
    assert logins.entrance.by_password("anna", PASSWORD, OFFICE).session.stage is Stage.PASSWORD


def test_who_knows_the_password_has_no_endless_tries_at_the_code(logins: LoginWorld) -> None:
    """The password being right does not wipe out the failures at the code."""
    logins.enrolled("anna")
    results: list[type[SluisError]] = []
    while PausedError not in results:
        try:
            asked = logins.entrance.by_password("anna", PASSWORD, OFFICE)
            logins.entrance.by_code(asked.token, "000000", OFFICE)
        except SluisError as error:
            results.append(type(error))
    assert results.count(AuthenticationError) == ACCOUNT.free


def test_one_password_on_every_name_is_slowed_by_the_address(logins: LoginWorld) -> None:
    """Password spraying from one place; people elsewhere still get in."""
    _, secret, _ = logins.enrolled("anna")
    for number in range(ADDRESS.free):
        _failure(logins, f"naam{number}", "Welkom2026!!!")
    with pytest.raises(RefusedError):
        logins.entrance.by_password("anna", PASSWORD, OFFICE)
    asked = logins.entrance.by_password("anna", PASSWORD, ELSEWHERE)
    assert logins.entrance.by_code(asked.token, logins.code(secret), ELSEWHERE).session.stage is Stage.FULL


def test_getting_in_forgives_the_owner_and_not_the_address(logins: LoginWorld) -> None:
    """Or a guesser with an account of his own would wipe his failures at others."""
    _, secret, _ = logins.enrolled("anna")
    for number in range(ADDRESS.free - 2):
        _failure(logins, f"naam{number}", "Welkom2026!!!")
    logins.logged_in("anna", secret)
    kinds = [type(_failure(logins, f"ander{number}", "Welkom2026!!!")) for number in range(4)]
    assert PausedError in kinds


def test_many_tries_at_once_count_as_many(logins: LoginWorld) -> None:
    """Each try is counted before it is made, so that a burst does not slip through."""
    logins.enrolled("anna")

    def attempt(_: int) -> type[SluisError]:
        return type(_failure(logins, "anna", "iets dat het niet is"))

    with ThreadPoolExecutor(8) as pool:
        kinds = list(pool.map(attempt, range(24)))
    assert kinds.count(AuthenticationError) == ACCOUNT.free


def test_a_code_opens_one_session_of_two_at_once(logins: LoginWorld) -> None:
    """Replayed within the same half minute, by the owner's own session or another: one wins."""
    _, secret, _ = logins.enrolled("anna")
    first = logins.entrance.by_password("anna", PASSWORD, OFFICE)
    second = logins.entrance.by_password("anna", PASSWORD, ELSEWHERE)
    code = logins.code(secret)
    assert logins.entrance.by_code(first.token, code, OFFICE).session.stage is Stage.FULL
    with pytest.raises(AuthenticationError):
        logins.entrance.by_code(second.token, code, ELSEWHERE)


def test_a_recovery_code_works_once(logins: LoginWorld) -> None:
    """For who lost the telephone."""
    _, _, codes = logins.enrolled("anna")
    for accepted in (True, False):
        asked = logins.entrance.by_password("anna", PASSWORD, OFFICE)
        if accepted:
            assert logins.entrance.by_code(asked.token, codes[0].upper(), OFFICE).session.stage is Stage.FULL
        else:
            with pytest.raises(AuthenticationError):
                logins.entrance.by_code(asked.token, codes[0], OFFICE)


def test_a_session_ends_when_nothing_is_done(logins: LoginWorld) -> None:
    """Half an hour; looking at a page begins it again, a live update does not."""
    entered, _, _ = logins.enrolled()
    logins.now = entered.session.created_at
    logins.later(seconds=IDLE.total_seconds() - 1)
    assert logins.entrance.who(entered.token) is not None
    logins.later(seconds=IDLE.total_seconds() - 1)
    assert logins.entrance.who(entered.token, used=False) is not None
    logins.later(seconds=2)
    assert logins.entrance.who(entered.token) is None


def test_a_session_ends_after_a_working_day(logins: LoginWorld) -> None:
    """Whatever is done."""
    entered, _, _ = logins.enrolled()
    logins.now = entered.session.created_at
    while logins.now < entered.session.created_at + LONGEST:
        assert logins.entrance.who(entered.token) is not None
        logins.later(minutes=20)
    assert logins.entrance.who(entered.token) is None


def test_an_unfinished_login_ends_soon(logins: LoginWorld) -> None:
    """A password that was typed and left does not stay a step ahead."""
    _, secret, _ = logins.enrolled()
    asked = logins.entrance.by_password("anna", PASSWORD, OFFICE)
    logins.later(seconds=UNFINISHED.total_seconds())
    with pytest.raises(AuthenticationError):
        logins.entrance.by_code(asked.token, logins.code(secret), OFFICE)


def test_a_role_that_is_taken_away_is_gone_at_the_next_click(logins: LoginWorld) -> None:
    """Roles are read at each request, not kept in the session."""
    entered, _, _ = logins.enrolled("anna", "coordinator", "privacy-officer")
    logins.staff.set_roles("anna", ["coordinator"])
    assert logins.present(entered).account.roles == {"coordinator"}


def test_logging_out_ends_one_session_and_everywhere_ends_all(logins: LoginWorld) -> None:
    """A token that was copied stands for nothing afterwards."""
    first, secret, _ = logins.enrolled("anna")
    second, third = logins.logged_in("anna", secret), logins.logged_in("anna", secret)
    logins.entrance.leave(logins.present(first))
    assert logins.entrance.who(first.token) is None
    logins.entrance.leave_everywhere(logins.present(second))
    assert logins.entrance.who(second.token) is None
    assert logins.entrance.who(third.token) is None


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "a" * 100_000, "é" * 43, "../../etc"])
def test_a_token_that_nobody_gave_is_nobody(logins: LoginWorld, token: str) -> None:
    """Whatever stands in the cookie."""
    logins.enrolled()
    assert logins.entrance.who(token) is None


def test_each_session_has_a_form_token_of_its_own(logins: LoginWorld) -> None:
    """So that one person's form cannot be sent in another's session, nor in the same person's next."""
    first, secret, _ = logins.enrolled("anna")
    second = logins.logged_in("anna", secret)
    tokens = {logins.present(first).csrf, logins.present(second).csrf, first.token, second.token}
    assert len(tokens) == 4


PROVIDED = Provided("https://idp.example 4711", "B. Bakker", frozenset({"supervisor"}), "nl")


def test_a_provider_s_person_has_the_roles_of_the_last_login(logins: LoginWorld) -> None:
    """The same subject is the same account, whatever the name on it."""
    entered = logins.entrance.by_provider(PROVIDED, OFFICE)
    assert logins.present(entered).account.roles == {"supervisor"}
    changed = replace(PROVIDED, display="B. Bakker-Smit", roles=frozenset({"operator"}))
    again = logins.entrance.by_provider(changed, OFFICE)
    assert again.account.id == entered.account.id
    assert logins.present(entered).account.roles == {"operator"}
    assert logins.present(entered).account.display == "B. Bakker-Smit"


def test_a_provider_s_person_without_a_role_is_refused_and_loses_open_sessions(logins: LoginWorld) -> None:
    """Known is not allowed."""
    entered = logins.entrance.by_provider(PROVIDED, OFFICE)
    with pytest.raises(RefusedError, match="no role"):
        logins.entrance.by_provider(replace(PROVIDED, roles=frozenset()), OFFICE)
    assert logins.entrance.who(entered.token) is None


def test_a_provider_s_subject_is_never_a_local_account(logins: LoginWorld) -> None:
    """Somebody whose subject at the provider is spelled as a colleague's user name is somebody else."""
    logins.enrolled("anna")
    entered = logins.entrance.by_provider(replace(PROVIDED, subject="anna"), OFFICE)
    assert entered.account.kind == "oidc"
    with pytest.raises(AuthenticationError):
        logins.entrance.by_password("bakker", PASSWORD, OFFICE)
    assert len(logins.staff.all()) == 2


def test_the_record_has_who_when_and_how_and_goes_after_half_a_year(logins: LoginWorld) -> None:
    """Failures under a name without an account are kept without that name: it may be a password."""
    _, secret, _ = logins.enrolled("anna")
    _failure(logins, "wachtwoord per ongeluk", "x")
    logins.logged_in("anna", secret)
    found = [(one.result, one.how, one.who, one.address) for _, one in logins.vault.people.logins(10)]
    assert found[:2] == [
        (Result.ENTERED, "code", "anna", "192.0.2.7"),
        (Result.WRONG, "password", "", "192.0.2.7"),
    ]
    assert logins.vault.people.counts(logins.now.replace(hour=0))[Result.WRONG] == 1
    logins.later(days=184)
    _failure(logins, "anna", "x")
    assert len(logins.vault.people.logins(10)) == 1
