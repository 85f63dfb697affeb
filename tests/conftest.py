# SPDX-License-Identifier: EUPL-1.2
"""What all tests share: draws that are the same at every run, a collector of garbage that looks less often, and what a
test that hangs was waiting for.
"""

import asyncio
import gc
import io
from collections.abc import Generator

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say of a test that hung where each of its tasks was: the event loop's own stack says nothing of them."""
    report = yield
    if report.failed and "Timeout (>" in report.longreprtext:
        report.sections.append(("Tasks that had not ended", _unended()))
    return report


def _unended() -> str:
    said = io.StringIO()
    for task in gc.get_objects():
        if isinstance(task, asyncio.Task) and not task.done():
            task.print_stack(file=said)
    return said.getvalue()
