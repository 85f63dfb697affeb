# SPDX-License-Identifier: EUPL-1.2
"""Passwords: length counts and that nobody guesses it, and comparing takes as long without an account."""

import pytest
from nacl.pwhash import argon2id

from agency_client.people.passwords import MAX_PASSWORD, Cost, Hashing, as_typed, new_password
from protocol.errors import InputError

KNOWN = ("anna", "A. de Vries", "Politie Oost")


@pytest.mark.parametrize(
    "text",
    [
        "vier losse woorden hier",
        "correcte paarden eten klaver",
        "kleine letters en niets anders",
        "xK4!vQ9#mZ2w",
        "ωραία μέρα σήμερα",
        "a" * 5 + "bcde fghij klmno pqrst vlinder",
        "vlinderstruik7 " * 9 + "einde",
    ],
)
def test_a_long_password_that_nobody_guesses_will_do(text: str) -> None:
    """No rules about digits, capitals or signs; spaces and every script are allowed."""
    assert new_password(text, text, KNOWN).reveal() == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kort zinnetj"[:-1], "at least 12"),
        ("aaaaaaaaaaaaaaaa", "pattern"),
        ("abababababababab", "pattern"),
        ("abcdefghijklmnop", "pattern"),
        ("0987654321098765", "pattern"),
        ("qwertyuiopas", "pattern"),
        ("Welkom2026!!!!!", "words"),
        ("wachtwoord12345", "words"),
        ("SluisSluis2026!", "words"),
        ("politieoost-anna", "words"),
        ("vriesvriesvries", "words"),
        ("zomer2026winter2027", "words"),
        ("x" + "é" * MAX_PASSWORD, "at most"),
    ],
)
def test_a_password_that_is_tried_first_will_not_do(text: str, said: str) -> None:
    """Patterns, seasons with years, and the names of user and agency are refused with words that help."""
    with pytest.raises(InputError, match=said) as caught:
        new_password(text, text, KNOWN)
    assert caught.value.hint or "at most" in said
    assert text not in str(caught.value)


def test_two_different_passwords_are_refused() -> None:
    """A typing error would lock its maker out."""
    with pytest.raises(InputError, match="differ"):
        new_password("vier losse woorden hier", "vier losse woorden hire", KNOWN)


def test_every_keyboard_gives_the_same_password() -> None:
    """An accent that is typed as two characters is the same as one."""
    assert as_typed("cafe\u0301 met koekjes").reveal() == as_typed("caf\u00e9 met koekjes").reveal()


def test_only_the_password_itself_matches() -> None:
    """One that begins the same, or is cut off, is another."""
    hashing = Hashing.at(Cost.TEST)
    kept = hashing.hash(as_typed("vier losse woorden hier"))
    assert kept.startswith("$argon2id$")
    assert hashing.matches(kept, as_typed("vier losse woorden hier"))
    assert not hashing.matches(kept, as_typed("vier losse woorden hie"))
    assert not hashing.matches(kept, as_typed("vier losse woorden hier" + "x" * 10_000))


def test_without_an_account_the_same_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger cannot tell by waiting which names exist: one verification of the same cost either way."""
    hashing, work = Hashing.at(Cost.TEST), []
    real = argon2id.verify
    monkeypatch.setattr(argon2id, "verify", lambda kept, given: work.append(kept.split(b"$")[:4]) or real(kept, given))
    kept = hashing.hash(as_typed("vier losse woorden hier"))
    assert not hashing.matches(kept, as_typed("iets anders dan dat"))
    assert not hashing.matches(None, as_typed("iets anders dan dat"))
    assert len(work) == 2
    assert work[0] == work[1]


def test_the_cost_of_a_login_is_above_the_least_that_owasp_asks() -> None:
    """OWASP's password storage cheat sheet: Argon2id with 19 MiB and two passes at least."""
    passes, memory = Cost.LOGIN.value
    assert passes >= 2
    assert memory >= 19 * 1024 * 1024
