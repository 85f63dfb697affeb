# SPDX-License-Identifier: EUPL-1.2
"""A service as a process: it says when it listens, stops when asked, and says how it ended."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.serve import STARTUP_FAILED, serve
from protocol.errors import Code, ConfigurationError

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, sys
from contextlib import asynccontextmanager
from edge import logs
from edge.api import make_app
from edge.serve import serve

@asynccontextmanager
async def lifespan(app):
    if "fail" in sys.argv:
        raise RuntimeError("planted-secret")
    yield
    print("closed", flush=True)

logs.configure()
app = make_app("Test", "1.0.0", "For tests.", lifespan, role="broker")

@app.get("/poll/{number}")
async def poll(number: int) -> dict[str, str]:
    print("asked", flush=True)
    await app.state.stopping.wait()
    return {"answer": "stopping"}

@app.get("/slow")
async def slow() -> dict[str, str]:
    print("asked", flush=True)
    await app.state.stopping.wait()
    await asyncio.sleep(0.5)
    return {"answer": "done"}

sys.exit(serve(app, host="127.0.0.1", port=0, role="broker"))
"""


def start(*arguments: str) -> "subprocess.Popen[str]":
    """Start the program above as its own process."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def process() -> Iterator["subprocess.Popen[str]"]:
    """Return a running service; it is gone after the test, whatever happened."""
    started = start()
    yield started
    if started.poll() is None:
        started.kill()
    started.communicate()


def ready(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Return the ready line."""
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    return line


def test_the_ready_line_comes_when_it_listens(process: "subprocess.Popen[str]") -> None:
    """One JSON line gives the role and the address, which then answers at once, on a port of the machine's choice."""
    line = ready(process)
    assert line["ready"] == "broker"
    answer = httpx.get(line["url"] + "/healthz", trust_env=False)
    assert answer.status_code == 200
    assert "server" not in answer.headers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_graceful(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """Asked to stop, it finishes its work, ends its long polls, closes, and exits with 0 before the grace is over."""
    url = ready(process)["url"]
    answers: dict[str, Any] = {}

    def ask(path: str) -> None:
        answers[path] = httpx.get(url + path, trust_env=False, timeout=60).json()["answer"]

    threads = [threading.Thread(target=ask, args=(path,)) for path in ("/poll/99887766", "/slow")]
    for thread in threads:
        thread.start()
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in threads] == ["asked\n"] * 2
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    for thread in threads:
        thread.join()
    assert process.returncode == 0
    # What the grace would have cut off has no answer.
    assert answers == {"/poll/99887766": "stopping", "/slow": "done"}
    assert out.strip() == "closed"
    lines = [json.loads(line) for line in err.splitlines()]
    assert "/poll/{number}" in [line.get("route") for line in lines]
    assert "99887766" not in err


def test_a_start_that_fails_says_so() -> None:
    """An application that cannot start gives no ready line and a status of its own; its text is in no log."""
    process = start("fail")
    out, err = process.communicate(timeout=30)
    assert process.returncode == STARTUP_FAILED
    assert out == ""
    assert "planted" not in err


def test_a_port_in_use_is_a_clear_error() -> None:
    """When another process has the port, the error names the port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)) as caught:
            serve(None, host="127.0.0.1", port=port, role="broker")  # type: ignore[arg-type]  # not reached
    assert caught.value.code is Code.SETTINGS_INVALID
    assert caught.value.hint
