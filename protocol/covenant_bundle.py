# SPDX-License-Identifier: EUPL-1.2
"""A covenant as one file: the texts that have effect, packed so that the same texts give the same bytes everywhere.

The SHA-256 of these bytes names the covenant, in every request, event and log line; it is also the hash under which the
board signs them. Not here: what the texts mean (``covenant.py``), who signed them (``edge/covenant_trust.py``).
Spec: ``spec/distribution.md``.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final

from protocol.encoding import canonical_json
from protocol.errors import Code, ConfigurationError, Issue

FORMAT: Final = "sluis/covenant/1"
MAX_BUNDLE: Final = 16 * 1024 * 1024
"""Bytes of a packed covenant: a folder of the largest size that ``edge/covenant_folder.py`` reads."""

_ASIDE = re.compile(r"(README\.md|cases/.*)\Z", re.DOTALL)
"""Read by people and by ``sluis policy``, and without effect on any decision: no part of the bundle."""


def has_effect(path: str) -> bool:
    """Say whether a file of a covenant folder can change a decision, and so is part of the bundle."""
    return _ASIDE.match(path) is None


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the files that have effect as one canonical JSON text (RFC 8785).

    Raises ``ConfigurationError`` (``covenant_invalid``) for a file that is not UTF-8 text, and for too much of it.
    """
    texts = {}
    for path in sorted(filter(has_effect, files)):
        try:
            texts[path] = files[path].decode()
        except UnicodeDecodeError:
            issue = Issue(path, "not_utf8", "Not UTF-8 text. Save the file as UTF-8.")
            raise _refused("A file of the covenant is not text.", issue) from None
    packed = canonical_json({"format": FORMAT, "files": dict(texts)})
    if len(packed) > MAX_BUNDLE:
        raise _refused(f"The covenant is larger than {MAX_BUNDLE} bytes.")
    return packed


def unpack(bundle: bytes) -> dict[str, bytes]:
    """Return the files of a packed covenant by their path.

    One covenant has one packed form: bytes that ``pack`` would not write for the same files are refused, as
    ``ConfigurationError`` (``covenant_invalid``).
    """
    if len(bundle) > MAX_BUNDLE:
        raise _refused(f"The covenant's bundle is larger than {MAX_BUNDLE} bytes.")
    try:
        read = json.loads(bundle)
        files = {path: text.encode() for path, text in read["files"].items()}
        alike = pack(files) == bundle
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _refused("This is not a covenant's bundle.") from None
    if not alike:
        raise _refused("This is not a covenant's bundle in its one agreed form.")
    return files


def bundle_digest(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256, in hex, of the packed files: it names the covenant. Raises as ``pack``."""
    return hashlib.sha256(pack(files)).hexdigest()


def _refused(detail: str, *issues: Issue) -> ConfigurationError:
    return ConfigurationError(Code.COVENANT_INVALID, detail, issues=issues)
