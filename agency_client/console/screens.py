# SPDX-License-Identifier: EUPL-1.2
"""Which screens there are, in the order of the menu. Who makes one adds it here, in one line."""

from agency_client.console.ask import ASK
from agency_client.console.covenant import COVENANT
from agency_client.console.hits import HITS
from agency_client.console.logbook import LOGBOOK
from agency_client.console.requests import REQUESTS
from agency_client.console.screen import Screen
from agency_client.console.signals import SIGNALS
from agency_client.console.system import SYSTEM
from agency_client.console.today import TODAY

__all__ = ["SCREENS", "Screen"]

SCREENS: tuple[Screen, ...] = (
    TODAY,
    HITS,
    SIGNALS,
    ASK,
    REQUESTS,
    LOGBOOK,
    COVENANT,
    SYSTEM,
)
