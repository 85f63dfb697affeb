# SPDX-License-Identifier: EUPL-1.2
"""An agency of a small honest world, fresh for each test."""

from pathlib import Path

import pytest

from tests.fakes.agency_session import Agency, agency_of
from tests.fakes.covenants import make_covenant
from tests.fakes.small_world import NOW, make_world


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    """Return the police."""
    return agency_of(tmp_path / "home", make_world(make_covenant(now=NOW)))
