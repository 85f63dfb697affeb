# SPDX-License-Identifier: EUPL-1.2
"""Reading a broker's log over HTTP: what is asked, and what comes of strange answers."""

import httpx
import pytest

from auditor.transport import MAX_FILE, LogReader
from protocol.errors import Code, ConfigurationError, SluisError, UnavailableError


def _reader(answer) -> LogReader:
    return LogReader("https://broker.example/base/", httpx.MockTransport(answer))


def test_it_asks_for_the_paths_of_the_standard():
    """A path is asked behind the broker's address and /log/, without a signature."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=b"x")

    with _reader(answer) as log:
        assert log.fetch("tile/entries/x001/234.p/5") == b"x"
    assert str(asked[0].url) == "https://broker.example/base/log/tile/entries/x001/234.p/5"
    assert "signature" not in asked[0].headers


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (httpx.Response(404), Code.LOG_INCOMPLETE),
        (httpx.Response(200, content=b"x" * (MAX_FILE + 1)), Code.LOG_INCOMPLETE),
        (httpx.Response(302, headers={"Location": "https://other.example/"}), Code.UNAVAILABLE),
        (httpx.Response(503), Code.UNAVAILABLE),
    ],
)
def test_strange_answers(response, code):
    """What is not there or too long is a hole in the log; redirects and failures say to come back later."""
    with _reader(lambda request: response) as log, pytest.raises(SluisError) as caught:
        log.fetch("checkpoint")
    assert caught.value.code is code


@pytest.mark.parametrize(
    "url", ["", "broker", "ftp://broker", "https://", "https://b/?q=1", "http://[::1/", "file:///etc"]
)
def test_addresses_that_are_none(url):
    """Only an http(s) address without query is a broker's."""
    with pytest.raises(ConfigurationError):
        LogReader(url)


def test_a_name_that_cannot_be_one_is_not_a_crash():
    """A host name that no resolver takes is a broker that cannot be reached."""
    with LogReader("http://broker..example") as log, pytest.raises(UnavailableError):
        log.fetch("checkpoint")
