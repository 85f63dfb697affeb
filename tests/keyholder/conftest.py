# SPDX-License-Identifier: EUPL-1.2
"""Three real key-holders with their ceremony behind them, made once a module: Argon2id takes its time."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.keyholders import KeyHolders, make_key_holders

BUDGET = 1_000


@pytest.fixture(scope="module")
def key_holders(tmp_path_factory: pytest.TempPathFactory) -> KeyHolders:
    """Three key-holders, two of which make a pseudonym, and five agencies with a small budget."""
    return make_key_holders(tmp_path_factory.mktemp("holders"), now=datetime.now(UTC), budget=BUDGET)


@pytest.fixture
def home_folder(tmp_path: Path) -> Path:
    """Where a home may be made."""
    return tmp_path / "home"
