# SPDX-License-Identifier: EUPL-1.2
"""What an auditor saw last, kept in a file, and the evidence that is kept beside it when a log contradicts itself.

The file is trusted as much as the machine it is on; it holds nothing secret. Not here: what is compared (``walk.py``).
"""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from protocol.checkpoint import LogKey, SignedCheckpoint, open_signed
from protocol.encoding import b64url, unb64url
from protocol.errors import Code, ConfigurationError, SluisError
from protocol.merkle import Frontier

VERSION: Final = 1
"""Of the file's form."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The log as it was last verified: the checkpoint as signed, and the tree that its entries made."""

    signed: SignedCheckpoint
    tree: Frontier


def read_state(file: Path, log_key: LogKey) -> Seen | None:
    """Return what was seen last, or None without a file. Raises ``ConfigurationError`` (``settings_invalid``)."""
    try:
        held = json.loads(file.read_bytes())
        if held["version"] != VERSION:
            raise _unusable()
        signed = open_signed(str(held["note"]), log_key)
        tree = Frontier.from_bytes(unb64url(str(held["tree"])))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, SluisError) as error:
        raise _unusable() from error
    if (tree.size, tree.root) != (signed.checkpoint.size, signed.checkpoint.root):
        raise _unusable()
    return Seen(signed, tree)


def write_state(file: Path, note: str, tree: Frontier) -> None:
    """Replace the file, whole or not at all. Raises ``ConfigurationError`` (``settings_invalid``)."""
    _write(file, {"version": VERSION, "note": note, "tree": b64url(tree.to_bytes())})


def keep_evidence(file: Path, code: Code, seen: SignedCheckpoint, found: str) -> Path:
    """Write both notes beside the state file and return where; the state stays as it was."""
    evidence = file.with_name(f"{file.name}.{code.value}-{seen.checkpoint.size}.json")
    _write(evidence, {"version": VERSION, "code": code.value, "seen": seen.note, "found": found})
    return evidence


def _write(file: Path, content: dict[str, object]) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "w") as stream:
            json.dump(content, stream, ensure_ascii=False)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except OSError as error:
        raise ConfigurationError(Code.SETTINGS_INVALID, f"Cannot write {file}.") from error


def _unusable() -> ConfigurationError:
    return ConfigurationError(
        Code.SETTINGS_INVALID,
        "The state file does not hold a verified checkpoint of this log.",
        hint="Check --root and --state; without --state the log is verified from zero.",
    )
