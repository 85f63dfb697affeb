# SPDX-License-Identifier: EUPL-1.2
"""Key files: what opens them, what does not, and that a write is whole or nothing."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge import keyfile
from edge.keyfile import (
    Profile,
    SecretBytes,
    SecretText,
    passphrase_from,
    read_keyfile,
    replace_file,
    write_keyfile,
)
from protocol.errors import Code, ConfigurationError

PASSPHRASE = SecretText("correct horse battery")
SECRETS = {"signing": bytes(range(32)), "seed:1-2": b"\xffplanted-seed-bytes"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a key file with the two secrets."""
    path = tmp_path / "keys.json"
    write_keyfile(path, SECRETS, PASSPHRASE, profile=Profile.INTERACTIVE)
    return path


def refusal(path: Path, passphrase: SecretText = PASSPHRASE) -> Code:
    """Return the code with which reading fails."""
    with pytest.raises(ConfigurationError) as caught:
        read_keyfile(path, passphrase)
    assert "planted" not in str(caught.value)
    return caught.value.code


def test_what_is_written_is_read(path: Path) -> None:
    """The passphrase gives back every secret, in a type that does not show it."""
    found = read_keyfile(path, PASSPHRASE)
    assert {name: secret.reveal() for name, secret in found.items()} == SECRETS
    assert "planted" not in repr(found)
    assert "correct" not in repr(PASSPHRASE)
    assert isinstance(found["signing"], SecretBytes)


def test_the_file_is_private_and_shows_nothing(path: Path) -> None:
    """Only the owner can read the file, and neither secrets nor their names are in it in any usual form."""
    assert path.stat().st_mode & 0o777 == 0o600
    raw = path.read_bytes()
    for name, secret in SECRETS.items():
        urlsafe = base64.urlsafe_b64encode(secret).rstrip(b"=")
        for form in (secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"="), urlsafe):
            assert form not in raw
        assert name.encode() not in raw or name == "signing"


def test_the_default_is_the_slow_profile() -> None:
    """The faster profile has to be asked for by name."""
    assert write_keyfile.__kwdefaults__ == {"profile": Profile.MODERATE}
    assert Profile.MODERATE.value[1] > Profile.INTERACTIVE.value[1]


def test_a_wrong_passphrase_is_said_to_be_wrong(path: Path) -> None:
    """A wrong passphrase has its own code."""
    assert refusal(path, SecretText("correct horse batterY")) is Code.WRONG_PASSPHRASE


def test_an_absent_file(tmp_path: Path) -> None:
    """A key file that is not there is said to be unusable."""
    assert refusal(tmp_path / "none.json") is Code.KEY_FILE_INVALID


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_open_to_others(path: Path, mode: int) -> None:
    """A key file that other users can reach is not used."""
    path.chmod(mode)
    assert refusal(path) is Code.KEY_FILE_INVALID


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    """A folder is not a key file."""
    assert refusal(tmp_path) is Code.KEY_FILE_INVALID


def _change(place: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        *folders, last = place.split(".")
        for folder in folders:
            content = content[folder]
        content[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _change("version", 2),
        _change("version", True),
        _change("format", "other"),
        _change("cipher", "none"),
        _change("extra", 1),
        _change("kdf.name", "scrypt"),
        _change("kdf.passes", 1),
        _change("kdf.memory", 2**40),
        _change("kdf.memory", 8192),
        _change("kdf.extra", 1),
        _change("kdf.salt", "AAAA"),
        _change("kdf.salt", "A" * 22),
        _change("nonce", "A" * 32),
        _change("sealed", "AAAA"),
        _change("sealed", 7),
        _change("sha256", "0" * 64),
        _change("kdf", []),
    ],
)
def test_a_changed_file_is_said_to_be_damaged(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """A file with any part changed is refused as damaged, and before its parameters cost memory or time."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    assert refusal(path) is Code.KEY_FILE_INVALID


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"kdf":' * 10_000])
def test_a_file_that_is_something_else(path: Path, raw: bytes) -> None:
    """Whatever else stands in the file is refused as damaged."""
    path.write_bytes(raw)
    assert refusal(path) is Code.KEY_FILE_INVALID


def test_parameters_are_bound_to_the_content(path: Path) -> None:
    """With the checksum made to fit, another nonce still does not open the file."""
    content = json.loads(path.read_text())
    other = path.with_name("other.json")
    write_keyfile(other, SECRETS, PASSPHRASE, profile=Profile.INTERACTIVE)
    donor = json.loads(other.read_text())
    donor["sealed"] = content["sealed"]
    head = {key: value for key, value in donor.items() if key not in {"sealed", "sha256"}}
    sealed = keyfile.unb64url(donor["sealed"])
    donor["sha256"] = keyfile.hashlib.sha256(keyfile.canonical_json(head) + sealed).hexdigest()
    other.write_text(json.dumps(donor))
    assert refusal(other) is Code.WRONG_PASSPHRASE


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk refuses half-way, the old secrets are all there and nothing lies about."""

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError) as caught:
        write_keyfile(path, {"signing": b"new"}, PASSPHRASE, profile=Profile.INTERACTIVE)
    monkeypatch.undo()
    assert caught.value.code is Code.KEY_FILE_INVALID
    assert read_keyfile(path, PASSPHRASE)["signing"].reveal() == SECRETS["signing"]
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


def test_the_new_file_is_on_disk_before_it_takes_the_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is forced to disk first, then the name is moved, then the folder is forced to disk."""
    order: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def record_fsync(handle: int) -> None:
        order.append("fsync")
        fsync(handle)

    def record_rename(self: Path, target: Path) -> Path:
        order.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "replace", record_rename)
    replace_file(path.with_name("fresh"), b"content")
    assert order == ["fsync", "rename", "fsync"]


def test_the_old_content_is_overwritten(path: Path) -> None:
    """Who kept the old file open finds zeros where the old secrets were sealed."""
    with path.open("rb") as old:
        size = len(path.read_bytes())
        write_keyfile(path, {"signing": b"new"}, PASSPHRASE, profile=Profile.INTERACTIVE)
        assert old.read() == bytes(size)
    assert read_keyfile(path, PASSPHRASE)["signing"].reveal() == b"new"


def test_a_link_is_not_followed_to_overwrite(path: Path) -> None:
    """A link in the key file's place is refused, so that what it leads to is not overwritten."""
    link = path.with_name("link.json")
    link.symlink_to(path)
    with pytest.raises(ConfigurationError):
        replace_file(link, b"content")
    assert read_keyfile(path, PASSPHRASE)["signing"].reveal() == SECRETS["signing"]


@pytest.mark.parametrize("secrets", [{}, {"Bad Name": b"x"}])
def test_nothing_or_a_name_without_form_is_not_written(tmp_path: Path, secrets: dict[str, bytes]) -> None:
    """A key file has at least one secret, under a plain name."""
    with pytest.raises(ValueError, match="key file"):
        write_keyfile(tmp_path / "keys.json", secrets, PASSPHRASE, profile=Profile.INTERACTIVE)


def test_the_passphrase_comes_from_variable_file_or_prompt(tmp_path: Path) -> None:
    """The variable goes before the file and the file before the prompt; a file's last line end is not part of it."""
    file = tmp_path / "passphrase"
    file.write_bytes(b"from the file \r\n")
    both = {"SLUIS_PASSPHRASE": "from the variable", "SLUIS_PASSPHRASE_FILE": str(file)}
    assert passphrase_from(both).reveal() == "from the variable"
    assert passphrase_from({"SLUIS_PASSPHRASE_FILE": str(file)}).reveal() == "from the file "
    assert passphrase_from({}, lambda _: "typed").reveal() == "typed"


def test_unicode_has_one_form() -> None:
    """The same passphrase typed on a keyboard that composes letters differently is the same."""
    assert passphrase_from({}, lambda _: "cafe\u0301").reveal() == passphrase_from({}, lambda _: "caf\u00e9").reveal()


@pytest.mark.parametrize(
    ("environment", "answers", "new"),
    [
        ({}, None, False),
        ({"SLUIS_PASSPHRASE": ""}, None, False),
        ({"SLUIS_PASSPHRASE": "x" * 2_000}, None, False),
        ({"SLUIS_PASSPHRASE": "too short"}, None, True),
        ({"SLUIS_PASSPHRASE_FILE": "/nowhere/at/all"}, None, False),
        ({}, ["correct horse battery", "correct horse batterY"], True),
    ],
    ids=["none", "empty", "too long", "too short for a new file", "absent file", "typed differently"],
)
def test_a_passphrase_that_cannot_be_used(environment: dict[str, str], answers: list[str] | None, new: bool) -> None:
    """No passphrase, a useless one, or two different ones are refused with a reason."""
    prompt = None if answers is None else lambda _: answers.pop(0)
    with pytest.raises(ConfigurationError) as caught:
        passphrase_from(environment, prompt, new=new)
    assert caught.value.code is Code.SETTINGS_INVALID
