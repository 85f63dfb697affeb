# SPDX-License-Identifier: EUPL-1.2
"""What all tests share: draws that are the same at every run, and a collector of garbage that looks less often."""

import gc

import hypothesis
import pytest

hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("new", deadline=None, print_blob=True)
# A test that fails should fail by the change that it is run for. `make fuzz` draws anew, and finds the others.
hypothesis.settings.load_profile("same")

_YOUNG, _MIDDLE, _OLD = 50_000, 20, 50
"""Thousands of classes and routes live as long as the run; with Python's own numbers a sixth of the time goes into
looking at them."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what was loaded out of every later collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
