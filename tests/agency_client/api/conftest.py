# SPDX-License-Identifier: EUPL-1.2
"""An agency with its local API, fresh for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.agency_session import agency_of, signed
from tests.fakes.local_api import Caller, caller_of
from tests.fakes.small_world import World, make_world


@pytest.fixture
def world() -> World:
    """Return key-holders, log and broker in memory."""
    return make_world(signed())


@pytest.fixture
async def caller(tmp_path: Path, world: World) -> AsyncIterator[Caller]:
    """Return a system of the police."""
    found = caller_of(agency_of(tmp_path / "home", world))
    yield found
    await found.http.aclose()
