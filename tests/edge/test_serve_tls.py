# SPDX-License-Identifier: EUPL-1.2
"""A server can end TLS itself, and says what is wrong with a certificate before it serves anything."""

import io
import json
import ssl
import subprocess
import threading
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from edge.api import make_app
from edge.serve import serve
from protocol.errors import Code, ConfigurationError


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for this machine."""
    made, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key)]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-out", str(made), *subject], check=True, capture_output=True)
    return made, key


def app() -> FastAPI:
    """Return an application of the house."""
    return make_app("Test", "1.0.0", "For a test.")


def test_a_server_with_a_certificate_speaks_tls(tmp_path: Path) -> None:
    """Who trusts the certificate is answered; the address that is told says https."""
    made, key = certificate(tmp_path)
    served, told = app(), threading.Event()
    where: list[str] = []

    def listening(url: str) -> None:
        where.append(url)
        told.set()

    out = io.StringIO()
    options = {"host": "127.0.0.1", "port": 0, "role": "agency", "out": out, "listening": listening}
    thread = threading.Thread(target=lambda: serve(served, **options, tls=(made, key)), daemon=True)
    thread.start()
    assert told.wait(60)
    assert where[0].startswith("https://127.0.0.1:")
    assert json.loads(out.getvalue()) == {"ready": "agency", "url": where[0]}
    answer = httpx.get(f"{where[0]}/healthz", verify=ssl.create_default_context(cafile=made), trust_env=False)
    assert answer.json() == {"status": "ok"}


@pytest.mark.parametrize("wrong", ["absent", "other"])
def test_a_certificate_that_cannot_be_used_is_said(tmp_path: Path, wrong: str) -> None:
    """A file that is not there, or a key of another certificate, is a wrong setting and not a dead process."""
    made, key = certificate(tmp_path)
    if wrong == "absent":
        key.unlink()
    else:
        (tmp_path / "second").mkdir()
        _, key = certificate(tmp_path / "second")
    with pytest.raises(ConfigurationError) as raised:
        serve(app(), host="127.0.0.1", port=0, role="agency", tls=(made, key))
    assert raised.value.code is Code.SETTINGS_INVALID
