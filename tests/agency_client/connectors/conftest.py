# SPDX-License-Identifier: EUPL-1.2
"""An agency of a small honest world, fresh for each test."""

from pathlib import Path

import pytest

from tests.fakes.agency_session import Agency, agency_of, signed
from tests.fakes.small_world import make_world


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    """Return the police."""
    return agency_of(tmp_path / "home", make_world(signed()))
