# SPDX-License-Identifier: EUPL-1.2
"""A first login, and changing what one logs in with."""

from datetime import timedelta

import pytest

from agency_client.people.lockout import ACCOUNT
from agency_client.people.one_time import RECOVERY_CODES
from agency_client.people.sessions import Stage
from agency_client.people.staff import SET_UP_LASTS
from protocol.errors import AuthenticationError, InputError, RefusedError
from tests.fakes.login_world import OFFICE, PASSWORD, LoginWorld

OTHER = "heel andere woorden nu"


def _added(logins: LoginWorld, name: str = "anna") -> str:
    code = logins.staff.add(name, "Anna", ["coordinator"], "nl").code
    assert code is not None
    return code


def test_nothing_holds_before_the_first_code_of_the_app(logins: LoginWorld) -> None:
    """Who stops halfway begins again with the same one-time code."""
    code = _added(logins)
    begun = logins.desk.begin("anna", code, PASSWORD, PASSWORD, OFFICE)
    assert begun.session.stage is Stage.ENROL
    with pytest.raises(AuthenticationError):
        logins.entrance.by_password("anna", PASSWORD, OFFICE)
    assert logins.desk.begin("anna", code, OTHER, OTHER, OFFICE).session.stage is Stage.ENROL


def test_a_one_time_code_works_once(logins: LoginWorld) -> None:
    """Of two people who have it, the second is told that something is wrong."""
    code = _added(logins)
    first = logins.desk.begin("anna", code, PASSWORD, PASSWORD, OFFICE)
    second = logins.desk.begin("anna", code, OTHER, OTHER, OFFICE)
    done = logins.desk.confirm(first.token, logins.code(logins.desk.enrolment(first.token)[0].secret), OFFICE)
    assert len(done.codes) == RECOVERY_CODES
    with pytest.raises(AuthenticationError):
        logins.desk.enrolment(second.token)
    with pytest.raises(AuthenticationError):
        logins.desk.begin("anna", code, OTHER, OTHER, OFFICE)


def test_a_one_time_code_ends(logins: LoginWorld) -> None:
    """After three days."""
    code = _added(logins)
    logins.later(seconds=SET_UP_LASTS.total_seconds())
    with pytest.raises(AuthenticationError):
        logins.desk.begin("anna", code, PASSWORD, PASSWORD, OFFICE)


def test_a_one_time_code_is_of_one_account(logins: LoginWorld) -> None:
    """It opens nobody else's."""
    code, _ = _added(logins, "anna"), _added(logins, "bert")
    with pytest.raises(AuthenticationError):
        logins.desk.begin("bert", code, PASSWORD, PASSWORD, OFFICE)


def test_guessing_a_one_time_code_is_paused(logins: LoginWorld) -> None:
    """Like a password."""
    _added(logins)
    for _ in range(ACCOUNT.free):
        with pytest.raises(AuthenticationError):
            logins.desk.begin("anna", "aaaa-bbbb-cccc-dddd", PASSWORD, PASSWORD, OFFICE)
    with pytest.raises(RefusedError):
        logins.desk.begin("anna", "aaaa-bbbb-cccc-dddd", PASSWORD, PASSWORD, OFFICE)


def test_a_password_that_will_not_do_costs_no_try_and_no_code(logins: LoginWorld) -> None:
    """Choosing badly is not guessing."""
    code = _added(logins)
    for _ in range(ACCOUNT.free + 2):
        with pytest.raises(InputError):
            logins.desk.begin("anna", code, "te kort", "te kort", OFFICE)
    assert logins.desk.begin("anna", code, PASSWORD, PASSWORD, OFFICE).session.stage is Stage.ENROL


def test_the_code_that_confirmed_the_factor_does_not_log_in(logins: LoginWorld) -> None:
    """Each time step counts once, from the first."""
    code = _added(logins)
    begun = logins.desk.begin("anna", code, PASSWORD, PASSWORD, OFFICE)
    secret = logins.desk.enrolment(begun.token)[0].secret
    logins.desk.confirm(begun.token, logins.code(secret), OFFICE)
    asked = logins.entrance.by_password("anna", PASSWORD, OFFICE)
    with pytest.raises(AuthenticationError):
        logins.entrance.by_code(asked.token, logins.code(secret), OFFICE)


def test_a_new_password_ends_all_other_sessions(logins: LoginWorld) -> None:
    """Who stole one is out."""
    first, secret, _ = logins.enrolled("anna")
    second = logins.logged_in("anna", secret)
    changed = logins.desk.change_password(logins.present(first), PASSWORD, OTHER, OTHER, OFFICE)
    assert logins.entrance.who(first.token) is None
    assert logins.entrance.who(second.token) is None
    assert logins.entrance.who(changed.token) is not None
    with pytest.raises(AuthenticationError):
        logins.entrance.by_password("anna", PASSWORD, OFFICE)
    assert logins.entrance.by_password("anna", OTHER, OFFICE).session.stage is Stage.PASSWORD


def test_an_open_screen_is_not_enough_to_change_anything(logins: LoginWorld) -> None:
    """The password is asked again, and guessing it is paused."""
    entered, _, _ = logins.enrolled("anna")
    present = logins.present(entered)
    with pytest.raises(AuthenticationError):
        logins.desk.change_password(present, "iets dat het niet is", OTHER, OTHER, OFFICE)
    with pytest.raises(AuthenticationError):
        logins.desk.renew_factor(present, "iets dat het niet is", OFFICE)
    with pytest.raises(AuthenticationError):
        logins.desk.renew_codes(present, "iets dat het niet is", OFFICE)
    for _ in range(ACCOUNT.free - 3):
        with pytest.raises(AuthenticationError):
            logins.desk.renew_codes(present, "iets dat het niet is", OFFICE)
    with pytest.raises(RefusedError):
        logins.desk.renew_codes(present, PASSWORD, OFFICE)


def test_another_app_holds_from_its_first_code(logins: LoginWorld) -> None:
    """Until then the old one does."""
    entered, old, _ = logins.enrolled("anna")
    logins.desk.renew_factor(logins.present(entered), PASSWORD, OFFICE)
    new = logins.desk.enrolment(entered.token)[0].secret
    assert new != old
    logins.logged_in("anna", old)
    renewed = logins.desk.confirm(entered.token, logins.code(new), OFFICE).entered
    logins.later(minutes=1)
    asked = logins.entrance.by_password("anna", PASSWORD, OFFICE)
    with pytest.raises(AuthenticationError):
        logins.entrance.by_code(asked.token, logins.code(old), OFFICE)
    assert logins.entrance.by_code(asked.token, logins.code(new), OFFICE).session.stage is Stage.FULL
    assert logins.entrance.who(renewed.token) is not None


def test_new_recovery_codes_void_the_old_ones(logins: LoginWorld) -> None:
    """For who lost the list."""
    entered, _, old = logins.enrolled("anna")
    new = logins.desk.renew_codes(logins.present(entered), PASSWORD, OFFICE)
    asked = logins.entrance.by_password("anna", PASSWORD, OFFICE)
    with pytest.raises(AuthenticationError):
        logins.entrance.by_code(asked.token, old[0], OFFICE)
    assert logins.entrance.by_code(asked.token, new[0], OFFICE).session.stage is Stage.FULL


def test_an_account_from_before_factors_were_needed_must_set_one_up(logins: LoginWorld) -> None:
    """At its next login, before anything is shown."""
    logins.factor_needed = False
    logins.staff.add("anna", "Anna", ["coordinator"], "nl", password=PASSWORD)
    assert logins.entrance.by_password("anna", PASSWORD, OFFICE).session.stage is Stage.FULL
    logins.factor_needed = True
    asked = logins.entrance.by_password("anna", PASSWORD, OFFICE)
    assert asked.session.stage is Stage.ENROL
    assert logins.entrance.who(asked.token) is None
    secret = logins.desk.enrolment(asked.token)[0].secret
    assert logins.entrance.who(logins.desk.confirm(asked.token, logins.code(secret), OFFICE).entered.token) is not None


def test_the_language_is_the_person_s_own(logins: LoginWorld) -> None:
    """And only one that the console speaks."""
    entered, _, _ = logins.enrolled("anna")
    logins.desk.set_language(logins.present(entered), "en")
    assert logins.present(entered).account.language == "en"
    with pytest.raises(InputError):
        logins.desk.set_language(logins.present(entered), "xx")


def test_a_set_up_lasts_as_long_as_it_says(logins: LoginWorld) -> None:
    """Three days are promised where the code is printed."""
    assert timedelta(hours=72) == SET_UP_LASTS
