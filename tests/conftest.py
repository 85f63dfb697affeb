# SPDX-License-Identifier: EUPL-1.2
"""What all tests share: a collector of garbage that does not walk over all loaded code again and again."""

import gc

import pytest

_YOUNG, _MIDDLE, _OLD = 50_000, 20, 50
"""Thousands of classes and routes live as long as the run; with Python's own numbers a sixth of the time goes into
looking at them."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what was loaded out of every later collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
