# SPDX-License-Identifier: EUPL-1.2
"""Each library has its doors; clocks, entropy and the environment are read where programs are put together."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = tuple(
    sorted(
        path
        for folder in ("protocol", "edge", "broker", "keyholder", "agency_client", "board", "auditor")
        for path in (ROOT / folder).rglob("*.py")
    )
)
DOORS: Final = {
    "rbcl": ["protocol/group.py"],
    "secrets": ["protocol/group.py", "protocol/envelope.py", "edge/*.py", "*/main.py", "*/cli.py"],
    "cryptography": [
        *("protocol/signing.py", "protocol/note.py", "protocol/hpke.py", "edge/covenant_keys.py", "broker/sealing.py"),
        *("protocol/tags.py", "protocol/threshold.py", "protocol/probes.py", "protocol/normalise.py"),
    ],
    "nacl": [
        "protocol/envelope.py",
        "edge/keyfile.py",
        "keyholder/ceremony.py",
        "agency_client/vault/*",
        "agency_client/people/passwords.py",
    ],
    "pyotp": ["agency_client/people/one_time.py"],
    "segno": ["agency_client/people/one_time.py"],
    "cedarpy": ["protocol/policy.py"],
    "http_message_signatures": ["protocol/signing.py"],
    "rfc8785": ["protocol/encoding.py"],
    "yaml": ["protocol/covenant*.py", "agency_client/mapping*.py", "agency_client/connectors/*.py", "board/*.py"],
    "psycopg": ["broker/*"],
    "sqlmodel": [
        "broker/tables.py",
        "broker/postgres/*",
        "keyholder/ledger.py",
        "keyholder/tables.py",
        "agency_client/vault/*",
    ],
    "fastapi": [
        "edge/*.py",
        "*/routes.py",
        "*/routes/*.py",
        "broker/web.py",
        "*/console/*.py",
        "*/api/*.py",
        "*/commands_run.py",
        "agency_client/serving.py",
    ],
    "jinja2": ["agency_client/console/pages.py"],
    "babel": ["agency_client/console/languages.py", "agency_client/console/pages.py"],
    "httpx": [
        *("edge/*.py", "*/transport.py", "*/main.py", "*/cli.py", "broker/witnesses.py", "auditor/*.py"),
        "agency_client/people/oidc.py",
    ],
    "authlib": ["agency_client/people/oidc.py"],
    "joserfc": ["agency_client/people/oidc.py"],
    "httpx_sse": ["edge/*.py", "*/transport.py"],
    "openpyxl": ["agency_client/source*.py"],
    "stdnum": ["protocol/identifiers.py"],
    "phonenumbers": ["protocol/identifiers.py"],
    "structlog": ["edge/logs.py"],
    "tuf": ["edge/covenant_*.py"],
    "securesystemslib": ["edge/covenant_*.py"],
    "opentelemetry": ["edge/ldv_otlp.py"],
}
"""Library -> the files that may import it; ``*`` also crosses folders."""
CLOCKS: Final = {"datetime.now", "datetime.utcnow", "time.time", "os.environ", "os.getenv", "os.urandom"}
ROOTS: Final = ["*/main.py", "*/cli.py", "*/cli/*.py", "*/settings.py", "edge/*.py", "protocol/group.py"]


@cache
def _imports(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return frozenset(found)


def _dotted(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


@pytest.mark.parametrize("library", sorted(DOORS))
def test_a_library_is_imported_at_its_doors_only(library: str) -> None:
    """Replacing a library means looking at these files and no others."""
    users = {str(path.relative_to(ROOT)) for path in SOURCES if library in _imports(path)}
    strangers = {user for user in users if not any(fnmatch(user, door) for door in DOORS[library])}
    assert not strangers


def test_sealing_to_a_named_recipient_has_one_door() -> None:
    """HPKE is used in one file, so that its suite is chosen once."""
    users = {str(path.relative_to(ROOT)) for path in SOURCES if "primitives.hpke" in path.read_text(encoding="utf-8")}
    assert users == {"protocol/hpke.py"}


def test_clock_and_environment_are_read_in_composition_roots_only() -> None:
    """Everywhere else time, entropy and settings are arguments, so that every test can choose them."""
    readers = {
        str(path.relative_to(ROOT)) + ": " + name for path in SOURCES for name in _dotted(path) if name in CLOCKS
    }
    assert not {reader for reader in readers if not any(fnmatch(reader.split(":")[0], root) for root in ROOTS)}
