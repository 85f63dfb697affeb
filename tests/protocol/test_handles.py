# SPDX-License-Identifier: EUPL-1.2
"""An account or advertisement has one form, as a name or as an address."""

import pytest

from protocol.handles import PLATFORMS, advert, handle
from protocol.identifiers import UnusableError


@pytest.mark.parametrize(
    ("platform", "written", "form"),
    [
        ("instagram", "@Jan.Vos", "instagram:jan.vos"),
        ("Insta", "https://www.instagram.com/Jan.Vos/?hl=nl", "instagram:jan.vos"),
        ("twitter", "https://twitter.com/Jan_Vos", "x:jan_vos"),
        ("x", "x.com/jan_vos/status/1", "x:jan_vos"),
        ("tiktok", "https://m.tiktok.com/@jan.vos?lang=nl", "tiktok:jan.vos"),
        ("facebook", "https://www.facebook.com/profile.php?id=100012345678901", "facebook:100012345678901"),
        ("facebook", "nl-nl.facebook.com/jan.vos.9", "facebook:jan.vos.9"),
        ("snapchat", "https://www.snapchat.com/add/janvos", "snapchat:janvos"),
        ("reddit", "https://old.reddit.com/user/jan_vos", "reddit:jan_vos"),
        ("telegram", "t.me/janvos", "telegram:janvos"),
    ],
)
def test_name_and_profile_address_are_one(platform: str, written: str, form: str) -> None:
    """The @, the address around a name, capitals and tracking do not matter."""
    assert handle(platform, written) == form
    name, _, account = form.partition(":")
    assert handle(name, account) == form


@pytest.mark.parametrize(
    ("platform", "written", "reason"),
    [
        ("myspace", "jan", "unknown-platform"),
        ("instagram", "jan vos", "not-a-handle"),
        ("instagram", "https://www.instagram.com/", "not-a-handle"),
        ("instagram", "https://twitter.com/jan", "other-platform"),
        ("instagram", "https://instagram.com.example.nl/jan", "other-platform"),
        ("instagram", "ftp://instagram.com/jan", "not-an-address"),
        ("instagram", "https://[x/jan", "not-an-address"),
        ("instagram", "x" * 501, "too-long"),
    ],
)
def test_what_is_no_account_is_refused(platform: str, written: str, reason: str) -> None:
    """Unknown platforms, another platform's address and impossible names are refused with a reason."""
    with pytest.raises(UnusableError) as caught:
        handle(platform, written)
    assert caught.value.reason == reason
    assert written not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("voorbeeld.nl:7654321", "voorbeeld.nl:7654321"),
        ("https://www.voorbeeld.nl/erotiek/7654321-lief.html?utm=1#top", "voorbeeld.nl:7654321"),
        ("http://m.voorbeeld.nl/ad/7654321", "voorbeeld.nl:7654321"),
        ("https://voorbeeld.nl/view.php?id=7654321", "voorbeeld.nl:7654321"),
        ("https://voorbeeld.nl/Ad/Lief/?utm=1", "voorbeeld.nl:/ad/lief"),
        ("https://voorbeeld.nl/12345/67890", "voorbeeld.nl:/12345/67890"),
    ],
)
def test_an_advert_is_its_number_or_its_address(written: str, form: str) -> None:
    """One long number in the address is the advertisement's; with none or two the address itself counts."""
    assert advert(written) == form


@pytest.mark.parametrize("written", ["lief", "https://voorbeeld.nl/", "https://localhost/7654321", "1234567"])
def test_what_names_no_advert_is_refused(written: str) -> None:
    """A site alone, a number alone and a word are refused."""
    with pytest.raises(UnusableError):
        advert(written)


def test_platform_names_and_aliases_are_distinct() -> None:
    """No alias stands for two platforms."""
    names = [name for key, rule in PLATFORMS.items() for name in (key, *rule.aliases)]
    assert len(names) == len(set(names))
