# SPDX-License-Identifier: EUPL-1.2
"""One whole system for all tests of the flow: starting it costs more than most of them.

Each test leaves it as it found it: everything runs, nothing waits, no finding is unseen. Tests use people of their own.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.lying_proxy import LyingProxy
from tests.fakes.whole_system import System, whole_system

AGENCIES = (
    ("police-oost", "police", "Politie Oost", "legal-duty"),
    ("care-linde", "care", "Jeugdzorg De Linde", "reporting-right"),
    ("municipality-dalen", "municipality", "Gemeente Dalen", "legal-duty"),
    ("probation-vals", "probation", "Reclassering Vals", "legal-duty"),
    ("probation-buiten", "probation", "Reclassering Buiten", "legal-duty"),
    ("supervisor-mid", "supervisor", "Toezichthouder Midden", ""),
)
"""The probations are dishonest, and what they want waits for ever; the others never are. The last signals nothing."""
BUDGET = 20_000
"""Evaluations a day: far more than honest tests use, and little enough to use up in seconds."""


@pytest.fixture(scope="session")
def proxy() -> Iterator[LyingProxy]:
    """Return what stands at the broker's address; it is honest until told otherwise."""
    made = LyingProxy()
    yield made
    made.close()


@pytest.fixture(scope="session")
def system(proxy: LyingProxy) -> Iterator[System]:
    """Return a running system of three key-holders, a broker behind the proxy, and five agencies."""
    # Not pytest's folder, which is closed to the unprivileged user that a private PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="sluis-flow-") as folder:
        Path(folder).chmod(0o711)
        whole = whole_system(Path(folder), budget=BUDGET, agencies=AGENCIES, url=proxy.url, broker_port=proxy.target)
        with whole as made:
            yield made
