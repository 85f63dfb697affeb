# SPDX-License-Identifier: EUPL-1.2
"""The agency's own keys that others seal to: which there are in its key file, a new one, and destroying older ones.

Pure: secrets by name go in and come out. A new key is used by others once the covenant names it; until every answer
that was sealed to an older one is read, that one stays. Not here: the key file (``settings.py``), HPKE
(``protocol/hpke.py``). Spec: ``protocol/spec/disclosures.md``, keys.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from protocol.hpke import OpeningKey, OpeningKeys

_FIRST: Final = "disclosure"
"""The first key's name; absent in a home from before disclosures."""
_LATER: Final = re.compile(rf"{_FIRST}-([2-9]|[1-9][0-9]{{1,3}})\Z")


@dataclass(frozen=True, slots=True)
class RenewedKey:
    """What became of the keys."""

    made: bool
    """Whether there is a new one."""
    placed: bool
    """Whether the covenant names the newest, so that others seal to it."""
    older: int
    """Older ones that are kept, so that what was sealed to them opens."""


def names_of(secrets: Iterable[str]) -> list[str]:
    """Return the names of the disclosure keys among those of a key file, newest first."""
    return sorted((name for name in secrets if name == _FIRST or _LATER.match(name)), key=_number, reverse=True)


def opening_keys(secrets: Mapping[str, bytes]) -> OpeningKeys | None:
    """Return the keys; None when there is none."""
    names = names_of(secrets)
    return OpeningKeys([OpeningKey(secrets[name]) for name in names]) if names else None


def renewed(secrets: Mapping[str, bytes], placed: bytes | None, seed: bytes) -> tuple[dict[str, bytes], RenewedKey]:
    """Return the secrets with a new key, made of this seed, when the covenant names the newest of them.

    ``placed`` is the public key that the covenant names. While that is not the newest nothing is made, so that this may
    be repeated until the board has signed; a home without any gets its first.
    """
    names = names_of(secrets)
    if names and OpeningKey(secrets[names[0]]).public.encoded != placed:
        return dict(secrets), RenewedKey(made=False, placed=False, older=len(names) - 1)
    name = f"{_FIRST}-{_number(names[0]) + 1}" if names else _FIRST
    return {**secrets, name: seed}, RenewedKey(made=True, placed=False, older=len(names))


def without_older(secrets: Mapping[str, bytes], placed: bytes | None) -> tuple[dict[str, bytes], RenewedKey]:
    """Return the secrets without the older keys, except the one that the covenant names, to which others still seal."""
    names = names_of(secrets)
    public = {name: OpeningKey(secrets[name]).public.encoded for name in names}
    gone = {name for name in names[1:] if public[name] != placed}
    left = {name: secret for name, secret in secrets.items() if name not in gone}
    is_placed = bool(names) and public[names[0]] == placed
    return left, RenewedKey(made=False, placed=is_placed, older=max(len(names) - len(gone) - 1, 0))


def _number(name: str) -> int:
    found = _LATER.match(name)
    return 1 if found is None else int(found[1])
