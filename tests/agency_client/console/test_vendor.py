# SPDX-License-Identifier: EUPL-1.2
"""What others made is what they published."""

import hashlib
import re

from agency_client.console.app import STATIC

VENDOR = STATIC / "vendor"


def test_files_of_others_are_as_published() -> None:
    """Every file of others is listed with its package and hash, and is unchanged."""
    listed = dict(
        re.findall(r"^\| (\S+) \| [^|]+ \| ([0-9a-f]{64}) \|$", (VENDOR / "README.md").read_text(), re.MULTILINE)
    )
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.suffix in (".css", ".js")
    }
    assert found == listed
