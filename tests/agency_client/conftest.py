# SPDX-License-Identifier: EUPL-1.2
"""A small honest world, fresh for each test."""

import pytest

from tests.fakes.covenants import make_covenant
from tests.fakes.small_world import NOW, World, make_world


@pytest.fixture
def world() -> World:
    """Return key-holders, log and broker in memory."""
    return make_world(make_covenant(now=NOW))
