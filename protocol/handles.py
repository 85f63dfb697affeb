# SPDX-License-Identifier: EUPL-1.2
"""Online accounts and advertisements: one normal form, whether written as a name, an @name or an address.

Spec: ``spec/normalise.md``. Not here: whether an account exists; phone numbers and e-mail (``identifiers.py``).
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from protocol.identifiers import MAX_VALUE, UnusableError, host_name


@dataclass(frozen=True, slots=True)
class Platform:
    """How a platform writes its accounts: hosts, what stands before the name in a profile's path, and the name."""

    hosts: tuple[str, ...]
    name: re.Pattern[str]
    before: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def _platform(hosts: str, name: str, *, before: str = "", aliases: str = "") -> Platform:
    return Platform(tuple(hosts.split()), re.compile(name + r"\Z"), tuple(before.split()), tuple(aliases.split()))


PLATFORMS: Final = {
    "badoo": _platform("badoo.com", r"[a-z0-9_]{3,40}", before="profile"),
    "bluesky": _platform("bsky.app", r"[a-z0-9.-]{3,253}", before="profile", aliases="bsky"),
    "discord": _platform("discord.com discordapp.com", r"[a-z0-9._]{2,32}(?:#[0-9]{4})?", before="users"),
    "facebook": _platform("facebook.com fb.com", r"[a-z0-9.]{5,50}", aliases="fb"),
    "instagram": _platform("instagram.com", r"[a-z0-9._]{1,30}", aliases="insta ig"),
    "kik": _platform("kik.me", r"[a-z0-9._]{2,30}"),
    "linkedin": _platform("linkedin.com", r"[\w-]{3,100}", before="in"),
    "onlyfans": _platform("onlyfans.com", r"[a-z0-9._-]{3,50}"),
    "pinterest": _platform("pinterest.com pinterest.nl", r"[a-z0-9_]{3,30}"),
    "reddit": _platform("reddit.com", r"[a-z0-9_-]{3,20}", before="user u"),
    "signal": _platform("signal.me", r"[a-z0-9_]{3,32}\.[0-9]{2,}"),
    "snapchat": _platform("snapchat.com", r"[a-z0-9._-]{3,15}", before="add u", aliases="snap"),
    "steam": _platform("steamcommunity.com", r"[a-z0-9_-]{2,32}", before="id profiles"),
    "telegram": _platform("t.me telegram.me", r"[a-z0-9_]{4,32}", aliases="tg"),
    "threads": _platform("threads.net threads.com", r"[a-z0-9._]{1,30}"),
    "tiktok": _platform("tiktok.com", r"[a-z0-9._]{2,24}"),
    "tinder": _platform("tinder.com", r"[a-z0-9._-]{2,40}"),
    "twitch": _platform("twitch.tv", r"[a-z0-9_]{3,25}"),
    "x": _platform("x.com twitter.com", r"[a-z0-9_]{1,15}", aliases="twitter"),
    "youtube": _platform("youtube.com", r"[\w.·-]{3,100}", before="c user channel", aliases="yt"),
}
"""The platforms we know. Add one here and to the spec page; the key is on the wire's inside, so never rename one."""

_NAMES: Final = {alias: name for name, platform in PLATFORMS.items() for alias in (name, *platform.aliases)}
_LOOKS_LIKE_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.|[a-z0-9-]+(?:\.[a-z0-9-]+)+/)", re.IGNORECASE)
_SITE_AND_NUMBER = re.compile(r"([a-z0-9.-]+\.[a-z]{2,}):([a-z0-9-]{3,40})\Z")
_NUMBER = re.compile(r"(?<![0-9])[0-9]{5,20}(?![0-9])")
_NUMBER_FIELDS: Final = ("id", "ad", "adid", "advert", "advertid", "ad_id")


def handle(platform: str, name: str) -> str:
    """Return ``platform:name``; the name casefolded, without a leading @ or the profile's address around it."""
    asked = _NAMES.get(platform.strip().casefold())
    if asked is None:
        raise UnusableError("unknown-platform", "Name one of the platforms of spec/normalise.md, such as instagram.")
    rule = PLATFORMS[asked]
    plain = unicodedata.normalize("NFKC", _bounded(name)).strip()
    found = _from_url(plain, rule) if _LOOKS_LIKE_URL.match(plain) else plain
    found = found.casefold().removeprefix("@")
    if not rule.name.match(found):
        raise UnusableError(
            "not-a-handle", "This cannot be an account name on that platform: one name a field, no spaces."
        )
    return f"{asked}:{found}"


def advert(text: str) -> str:
    """Return ``site:number`` where the address holds exactly one number of five digits or more.

    Otherwise the canonical address: without scheme, ``www.``, query and trailing slash.
    """
    plain = unicodedata.normalize("NFKC", _bounded(text)).strip()
    if given := _SITE_AND_NUMBER.match(plain.casefold()):
        return f"{_site(given[1])}:{given[2]}"
    hint = "Write the advertisement's address, or the site and number as example.nl:123456."
    if not _LOOKS_LIKE_URL.match(plain):
        raise UnusableError("not-an-advert", hint)
    host, path, query = _split(plain)
    numbers = _NUMBER.findall(path)
    if not numbers:
        fields = parse_qs(query)
        numbers = [value for name in _NUMBER_FIELDS for value in fields.get(name, ()) if _NUMBER.fullmatch(value)]
    if len(set(numbers)) == 1:
        return f"{_site(host)}:{numbers[0]}"
    canonical = unquote(path).casefold().strip("/")
    if not canonical:
        raise UnusableError("not-an-advert", f"This is the address of a site, not of an advertisement. {hint}")
    return f"{_site(host)}:/{canonical}"


def _from_url(text: str, rule: Platform) -> str:
    host, path, query = _split(text)
    site = _site(host)
    if not any(site == known or site.endswith(f".{known}") for known in rule.hosts):
        raise UnusableError("other-platform", "This address is not of the platform named beside it.")
    steps = [unquote(step) for step in path.split("/") if step]
    if steps and steps[0].casefold() in rule.before:
        steps = steps[1:]
    if steps and steps[0].casefold() == "profile.php":
        return parse_qs(query).get("id", [""])[0]
    return steps[0] if steps else ""


def _split(text: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = parts.hostname or ""
    except ValueError:
        raise UnusableError("not-an-address", "This web address cannot be read.") from None
    if parts.scheme not in ("http", "https"):
        raise UnusableError("not-an-address", "A web address begins with https://.")
    return host, parts.path, parts.query


def _site(host: str) -> str:
    name = host_name(host)
    for prefix in ("www.", "m.", "mobile."):
        if name.startswith(prefix) and name.count(".") >= 2:
            name = name.removeprefix(prefix)
    return name


def _bounded(text: str) -> str:
    if len(text) > MAX_VALUE:
        raise UnusableError("too-long", f"A value has at most {MAX_VALUE} characters.")
    return text
