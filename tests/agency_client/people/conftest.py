# SPDX-License-Identifier: EUPL-1.2
"""Accounts on a fresh vault."""

from pathlib import Path

import pytest

from tests.fakes.login_world import LoginWorld, login_world


@pytest.fixture
def logins(tmp_path: Path) -> LoginWorld:
    """Return an agency without accounts."""
    return login_world(tmp_path)
