# SPDX-License-Identifier: EUPL-1.2
"""``protocol/covenant_bundle.py``: one covenant, one file, one form."""

import hashlib
import json
import random
from datetime import UTC, datetime

import pytest

from protocol.covenant import Covenant
from protocol.covenant_bundle import MAX_BUNDLE, bundle_digest, has_effect, pack, unpack
from protocol.errors import ConfigurationError
from tests.fakes.covenants import make_covenant

KIT = make_covenant(now=datetime(2026, 11, 21, 12, tzinfo=UTC))
BUNDLE = pack(KIT.files)


def test_a_packed_covenant_is_the_same_covenant():
    """Reading the packed files gives what reading the folder gives, named by the hash of the packed bytes."""
    read = Covenant.read(BUNDLE)
    assert read == KIT.covenant
    assert read.sha256 == hashlib.sha256(BUNDLE).hexdigest() == bundle_digest(KIT.files)


def test_what_has_effect_comes_out_byte_for_byte():
    """Unpacking gives every file that has effect, with line ends and accents as they were, and no other."""
    files = {
        "covenant.yaml": "één: 1\r\n\tx \u2028 \U0001f600".encode(),
        "README.md": b"x",
        "cases/a/DENY/b.yaml": b"\xff",
    }
    assert unpack(pack(files)) == {"covenant.yaml": files["covenant.yaml"]}
    assert unpack(BUNDLE) == {path: text for path, text in KIT.files.items() if has_effect(path)}


def test_no_byte_can_change_unseen():
    """Any changed byte gives another name, or is refused."""
    pick = random.Random(20261121)
    for _ in range(200):
        bent = bytearray(BUNDLE)
        bent[pick.randrange(len(bent))] ^= 1 << pick.randrange(8)
        try:
            files = unpack(bytes(bent))
        except ConfigurationError:
            continue
        assert bundle_digest(files) == hashlib.sha256(bent).hexdigest() != KIT.covenant.sha256


@pytest.mark.parametrize(
    "bundle",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"files":{},"format":"sluis/covenant/2"}',
        b'{"files":{"covenant.yaml":1},"format":"sluis/covenant/1"}',
        b'{"files":["covenant.yaml"],"format":"sluis/covenant/1"}',
        b'{"files":{"covenant.yaml":"\\ud800"},"format":"sluis/covenant/1"}',
        b'{"files":{"covenant.yaml":"a","covenant.yaml":"b"},"format":"sluis/covenant/1"}',
        b'{"files":{"covenant.yaml":"a"},"format":"sluis/covenant/1","more":1}',
        b'{"files":{"README.md":"a"},"format":"sluis/covenant/1"}',
        b'{"format":"sluis/covenant/1","files":{"covenant.yaml":"a"}}',
        b'{"files":{"covenant.yaml":"\\u0061"},"format":"sluis/covenant/1"}',
        b"[" * 100_000,
        BUNDLE + b"\n",
    ],
)
def test_another_form_is_refused(bundle: bytes):
    """Whatever `pack` would not write is refused: other formats, repeated names, other spellings, other text."""
    with pytest.raises(ConfigurationError) as raised:
        unpack(bundle)
    assert raised.value.code == "covenant_invalid"


def test_a_file_that_is_not_text_is_refused_by_name():
    """A file that is not UTF-8 cannot be packed, and the error names it."""
    with pytest.raises(ConfigurationError) as raised:
        pack({"base/a.cedar": b"\xff"})
    assert [issue.location for issue in raised.value.issues] == ["base/a.cedar"]


def test_too_much_is_refused():
    """More than the largest folder is neither packed nor read."""
    with pytest.raises(ConfigurationError):
        pack({"covenant.yaml": b"x" * MAX_BUNDLE})
    with pytest.raises(ConfigurationError):
        unpack(json.dumps({"files": {"covenant.yaml": "x" * MAX_BUNDLE}, "format": "sluis/covenant/1"}).encode())
