# SPDX-License-Identifier: EUPL-1.2
"""Log lines: what passes, and that secrets do not."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import logs

SECRETS = ["123456782", "0612345678", "J. de Vries", "NL91ABNA0417164300", "a" * 64, "x@example.nl", "AAECAwQFBgcICQoL"]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Return what is logged."""
    stream = io.StringIO()
    logs.configure(stream=stream)
    yield stream
    logs.configure()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines as they can be read back."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_listed_fields_pass(stream: io.StringIO) -> None:
    """A field on the list whose value has its form is written as it is."""
    logs.logger("broker").info("signals stored", party="police-oost", rule="a-b.push", count=12, ms=3.14159, code="x")
    (line,) = lines(stream)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "signals stored",
        "level": "info",
        "role": "broker",
        "party": "police-oost",
        "count": 12,
        "ms": 3.142,
        "code": "x",
        "rule": "a-b.push",
    }


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("key", ["bsn", "body", "tag", "name", "url", "detail", "exc", "signal_id"])
def test_unlisted_fields_are_dropped_and_counted(stream: io.StringIO, key: str, secret: str) -> None:
    """A field that is not on the list is not written, and its absence is counted."""
    logs.logger("broker").info("stored", **{key: secret})
    (line,) = lines(stream)
    assert line["dropped"] == 1
    assert secret not in stream.getvalue()


@pytest.mark.parametrize(
    "key", ["code", "route", "method", "rule", "reference", "error", "where", "version", "role", "party"]
)
@pytest.mark.parametrize(
    "secret", ["123456782", "x123456782", "0612345678", "J. de Vries", "NL91ABNA0417164300", "x@example.nl"]
)
def test_a_listed_field_takes_only_its_own_form(stream: io.StringIO, key: str, secret: str) -> None:
    """A value that does not look like the field's is dropped even from a listed field."""
    logs.logger("broker").info("stored", **{key: secret})
    assert secret not in stream.getvalue()
    assert lines(stream)[0]["dropped"] == 1


@pytest.mark.parametrize("secret", ["record 123456782 refused", "stored for x@example.nl", "phone 0612345678"])
def test_an_event_is_words(stream: io.StringIO, secret: str) -> None:
    """An event that somebody wrote a value into loses its text."""
    logs.logger("broker").warning(secret)
    (line,) = lines(stream)
    assert (line["event"], line["dropped"]) == ("unnamed", 1)
    assert secret not in stream.getvalue()


@pytest.mark.parametrize("value", [123456782, 612345678, -123456782, 1e12, {"a": 1}, b"bytes", object(), ["x"], 10**30])
def test_numbers_are_small_and_nothing_else_is_a_number(stream: io.StringIO, value: object) -> None:
    """A nine-digit number could be a BSN and a structure could hold anything: neither is written."""
    logs.logger("broker").info("stored", count=value)
    assert lines(stream)[0]["dropped"] == 1


def test_an_exception_is_its_type_and_place(stream: io.StringIO) -> None:
    """Of an exception the type and the places are written, never its message."""
    try:
        raise ValueError("planted 123456782")
    except ValueError:
        logs.logger("broker").exception("failed")
    (line,) = lines(stream)
    assert line["error"] == "ValueError"
    assert line["where"][-1].endswith(":test_an_exception_is_its_type_and_place")
    assert "planted" not in stream.getvalue()


def test_a_librarys_text_is_not_written(stream: io.StringIO) -> None:
    """Of a library's message only the library, the level and the kind of exception are written."""
    logging.getLogger("psycopg").error("INSERT failed for %s", "planted-123456782", exc_info=KeyError("planted"))
    logging.getLogger("uvicorn.error").info("chatter")
    logging.getLogger("py.warnings").warning("planted warning")
    error, warning = lines(stream)
    assert (error["logger"], error["level"], error["error"]) == ("psycopg", "error", "KeyError")
    assert warning["logger"] == "py.warnings"
    assert "planted" not in stream.getvalue()


def test_a_log_file_is_private_and_grows(tmp_path: Path) -> None:
    """A log file is readable by its owner only, and lines are added to what was there."""
    path = tmp_path / "broker.log"
    for _ in range(2):
        logs.configure(path=path)
        logs.logger("broker").info("started")
    logs.configure()
    assert len(path.read_text().splitlines()) == 2
    assert path.stat().st_mode & 0o777 == 0o600


@given(st.dictionaries(st.text(max_size=12), st.one_of(st.text(max_size=30), st.integers(), st.floats(), st.binary())))
def test_only_listed_keys_ever_pass(fields: dict[str, Any]) -> None:
    """Whatever is given, only listed keys come out, and each one that does not is counted."""
    kept = logs.allow_only(None, "info", dict(fields))
    passed = {key for key in fields if key in kept and key != "dropped"}
    assert kept.get("dropped", 0) >= len(fields) - len(passed) - 1
    assert set(kept) <= logs.LISTED
