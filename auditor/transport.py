# SPDX-License-Identifier: EUPL-1.2
"""Fetch what a broker's log serves to everyone, unsigned and bounded. Not here: whether it can be believed."""

from types import TracebackType
from typing import Final

import httpx

from edge.tls import trusted
from protocol.errors import Code, ConfigurationError, UnavailableError, VerificationError

MAX_FILE: Final = 64 * 1024
"""Bytes of an answer: a full bundle has 17,152, a full tile 8,192; a checkpoint far less."""
CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0


class LogReader:
    """Reads the log of one broker. Close it, or use it as a context."""

    def __init__(self, broker_url: str, transport: httpx.BaseTransport | None = None) -> None:
        """``broker_url`` is the broker's address, without ``/log``. Raises ``ConfigurationError``."""
        try:
            given = httpx.URL(broker_url)
        except httpx.InvalidURL:
            given = httpx.URL("")
        if given.scheme not in {"http", "https"} or not given.host or given.query or given.fragment:
            raise ConfigurationError(Code.SETTINGS_INVALID, "The broker's address is http(s)://host[:port][/path].")
        self._http = httpx.Client(
            base_url=given.copy_with(path=given.path.rstrip("/") + "/log/"),
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
            verify=trusted(),
            transport=transport,
        )

    def __enter__(self) -> "LogReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def fetch(self, path: str) -> bytes:
        """Return what stands at a path behind ``/log/``.

        Raises ``VerificationError`` (``log_incomplete``) when it is not there or too long, and ``UnavailableError``.
        """
        try:
            with self._http.stream("GET", path) as answer:
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > MAX_FILE:
                        raise VerificationError(Code.LOG_INCOMPLETE, f"The log serves too much at {path}.")
        except (httpx.HTTPError, UnicodeError) as error:  # a name that no resolver takes is a UnicodeError
            raise UnavailableError(
                Code.UNAVAILABLE, "The broker cannot be reached.", hint="Nothing was concluded; run this again later."
            ) from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise VerificationError(Code.LOG_INCOMPLETE, f"The log does not serve {path}.")
        if answer.status_code != httpx.codes.OK:
            raise UnavailableError(
                Code.UNAVAILABLE,
                f"The broker answered {answer.status_code} for {path}.",
                hint="Nothing was concluded; run this again later.",
            )
        return body
