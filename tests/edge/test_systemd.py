# SPDX-License-Identifier: EUPL-1.2
"""The service manager hears of the process by the datagrams that sd_notify(3) describes, and nobody else does."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.systemd import ServiceManager


@pytest.fixture
def manager() -> Iterator[tuple[socket.socket, str]]:
    """Return what listens as a service manager does, and where."""
    # Paths of sockets are short: pytest's own folders are not.
    with tempfile.TemporaryDirectory(prefix="sluis-n-") as folder:
        address = str(Path(folder) / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(address)
            listener.settimeout(10)
            yield listener, address


def test_each_word_is_a_datagram(manager: tuple[socket.socket, str]) -> None:
    """Ready, alive and stopping are told in the manager's own words."""
    listener, address = manager
    told = ServiceManager.of_environment({"NOTIFY_SOCKET": address})
    told.ready("Serving\nat http://127.0.0.1")
    told.alive()
    told.stopping()
    assert [listener.recv(1_000) for _ in range(3)] == [
        b"READY=1\nSTATUS=Serving at http://127.0.0.1",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_an_abstract_socket_is_reached() -> None:
    """An address that begins with @ is a name in Linux's abstract namespace."""
    name = f"sluis-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        listener.settimeout(10)
        ServiceManager.of_environment({"NOTIFY_SOCKET": "@" + name}).alive()
        assert listener.recv(100) == b"WATCHDOG=1"


def test_without_a_manager_nothing_is_told() -> None:
    """A process that somebody started by hand says nothing, and a manager that is gone holds nothing up."""
    ServiceManager.of_environment({}).alive()
    ServiceManager.of_environment({"NOTIFY_SOCKET": "/nowhere/notify"}).alive()
    ServiceManager.of_environment({"NOTIFY_SOCKET": "relative"}).alive()


@pytest.mark.parametrize(
    ("environment", "every"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_signs_of_life_come_twice_as_often_as_is_asked(environment: dict[str, str], every: float | None) -> None:
    """They are given at half the time that the manager allows, when it asks this process for them at all."""
    assert ServiceManager.of_environment(environment, pid=7).sign_every == every
