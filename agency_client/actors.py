# SPDX-License-Identifier: EUPL-1.2
"""Who is behind the person reference of an own entry of the log: an employee, or Sluis itself with a probe.

A probe goes under the reference of who sent the signal that it looks like (``probing.py``), so that the broker cannot
tell it; only the vault knows that nobody of the agency did it. Not here: making references (``submit.py``).
"""

from collections.abc import Callable
from typing import Final

from agency_client.vault import Vault
from edge.languages import Lang, Pair, say

PROBE: Final[Pair] = (
    "Sluis zelf, met een proef die lijkt op het werk van {who}",
    "Sluis itself, with a probe that looks like the work of {who}",
)


def actors(vault: Vault, lang: Lang) -> Callable[[int], Callable[[str], str | None]]:
    """Return what gives, for an entry's place, the name behind a reference in it; None for who is not known here."""
    probes, name_of = vault.probes.places(), vault.evidence.people()

    def at(place: int) -> Callable[[str], str | None]:
        if place not in probes:
            return name_of
        return lambda reference: say(PROBE, lang).format(who=name_of(reference) or reference)

    return at
