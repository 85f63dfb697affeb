# SPDX-License-Identifier: EUPL-1.2
"""What one screen of the console is to the menu. Its own module makes one; ``screens.py`` lists them all."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI

from agency_client.console.visits import House, Visit
from protocol.questions import PersonRole


@dataclass(frozen=True, slots=True)
class Screen:
    """One entry of the menu, and what adds its routes."""

    name: str
    """Of its icon, and of its address: ``/name``."""
    title: str
    """In English; the catalogue has the Dutch."""
    roles: frozenset[PersonRole]
    add: Callable[[FastAPI, House], None]
    count: Callable[[Visit], int] | None = None
    """How many things wait there; shown beside the title."""
    second: bool = False
    """Whether it stands below the line."""
