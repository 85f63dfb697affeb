# SPDX-License-Identifier: EUPL-1.2
"""Where signed covenant files come from: an address, a folder, or what a party has kept. Nothing fetched is believed.

Not here: verifying it (``covenant_trust.py``). Spec: ``protocol/spec/distribution.md``.
"""

import re
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient import FetcherInterface

from edge.tls import trusted

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0
TOTAL_SECONDS: Final = 60.0
"""For everything that one refresh fetches: a source that drips must not hold a party up for ever."""
CHUNK: Final = 64 * 1024
NOT_FOUND: Final = 404
TARGETS: Final = "targets"
"""The folder of what is signed, beside the metadata that signs it."""

_ROOT = re.compile(r"[0-9]+\.root\.json\Z")
_VERSIONED = re.compile(r"[0-9]+\.((?:snapshot|targets)\.json)\Z")


class FolderFetcher(FetcherInterface):
    """Reads a copy of the published folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        return _chunks(self._folder / url.lstrip("/"))


class KeptFetcher(FetcherInterface):
    """Reads what an ``Updater`` has kept as if it were a source, so that all of it can be verified again."""

    def __init__(self, metadata: Path) -> None:
        self._metadata = metadata

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.lstrip("/")
        if _ROOT.match(name):
            return _chunks(self._metadata / "root_history" / name)
        versioned = _VERSIONED.match(name)
        return _chunks(self._metadata / (versioned[1] if versioned else name))


class HttpFetcher(FetcherInterface):
    """Asks a web server, within bounds of time; the caller bounds the size of each file."""

    def __init__(self, base_url: str, http: httpx.Client) -> None:
        self._base = base_url.rstrip("/")
        self._http = http
        self._deadline = time.monotonic() + TOTAL_SECONDS

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            with self._http.stream("GET", self._base + url, headers={"Accept-Encoding": "identity"}) as response:
                if response.status_code != httpx.codes.OK:
                    raise DownloadHTTPError("the source did not give the file", response.status_code)
                # Raw: what a server compresses unasked does not match its hash, and unfolds nowhere.
                for chunk in response.iter_raw(CHUNK):
                    if time.monotonic() > self._deadline:
                        raise DownloadError("the source is too slow")
                    yield chunk
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DownloadError("the source cannot be reached") from error


@contextmanager
def fetcher_of(source: str) -> Generator[FetcherInterface, None, None]:
    """Yield a fetcher for an http(s) address or a folder."""
    if not is_address(source):
        yield FolderFetcher(Path(source))
        return
    # No redirects, which would be to an address that nobody chose, and nothing of the environment.
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    with httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False, verify=trusted()) as http:
        yield HttpFetcher(source, http)


def is_address(source: str) -> bool:
    """Say whether a source is an address; else it is a folder."""
    return source.startswith(("https://", "http://"))


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except (FileNotFoundError, NotADirectoryError):
        raise DownloadHTTPError("there is no such file", NOT_FOUND) from None
    except OSError as error:
        raise DownloadError("the file cannot be read") from error
