# SPDX-License-Identifier: EUPL-1.2
"""Strict YAML with positions: text of the covenant -> plain values, and the line that each value stands on.

A covenant is signed, so its text must have one reading only. Refused: repeated keys, anchors, aliases, tags, several
documents, keys that are not text, anything too large or too deep. Plain scalars are ``true``, ``false``, decimal
integers or text; nothing else is guessed, so ``no`` is text and ``2026.1`` is text.
Spec: ``spec/covenant.md``. Not here: what the values mean (``covenant_parts.py``, ``covenant.py``).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, TypeVar

import yaml
from pydantic import ValidationError
from yaml._yaml import CParser
from yaml.composer import Composer
from yaml.events import AliasEvent, NodeEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

from protocol.encoding import Json
from protocol.errors import Code, ConfigurationError, Issue
from protocol.messages import Message

MAX_FILE: Final = 6 * 1_048_576
"""Bytes of one file: parties.yaml of 2,000 agencies is about 4 MB, most of it disclosure keys (ML-KEM-768 has 1,184
bytes each); a larger text is not a covenant."""
MAX_DEPTH: Final = 20
"""Levels of nesting: the deepest form of ours has six; a bound before the parser recurses."""
MAX_ISSUES: Final = 100
"""Errors listed at once; who has more fixes these first."""

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,15})\Z")
_STRING_TAG: Final = "tag:yaml.org,2002:str"

_SYNTAX_HINTS: Final = {
    "mapping values are not allowed here": " Put text that holds a colon between quotes, and check the indentation.",
    "found character '\\t' that cannot start any token": " Indent with spaces, not tabs.",
    "expected a single document in the stream": " Remove the line `---` and what follows it.",
}

Path = tuple[int | str, ...]


class TextError(Exception):
    """One file is not strict YAML; becomes a ``ConfigurationError`` together with what is wrong elsewhere."""

    def __init__(self, line: int, code: str, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Document:
    """The value of one file and, per place in it, its line counted from 1."""

    file: str
    value: Json
    lines: dict[Path, int]

    def line_of(self, path: Path) -> int:
        """Return the line of a place, or of the nearest place around it that is there."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return self.lines.get((), 1)

    def issue(self, path: Path, code: str, message: str) -> Issue:
        """Return an issue that names file, line and place."""
        return Issue(f"{self.file}:{self.line_of(path)}{_spell(path)}", code, message)


class _Loader(Composer, CParser, Resolver):
    """Composes nodes only, of events that libyaml parses: five times as fast, and in the way of every command.

    Refuses on the way what would give a text a second reading.
    """

    def __init__(self, text: bytes) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        Resolver.__init__(self)
        self.depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event: Any = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            raise TextError(line, "yaml_alias", "Anchors and aliases are not used here. Write the value out.")
        if getattr(event, "tag", None) is not None:
            raise TextError(line, "yaml_tag", "YAML tags (!…) are not used here. Remove the tag.")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TextError(line, "yaml_depth", f"Nested more than {MAX_DEPTH} levels deep.")
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_document(file: str, text: bytes) -> Document:
    """Read one file strictly. Raises ``TextError``."""
    if len(text) > MAX_FILE:
        raise TextError(1, "too_large", f"Larger than {MAX_FILE} bytes.")
    try:
        text.decode("utf-8")
        loader = _Loader(text)
    except UnicodeDecodeError:
        raise TextError(1, "not_utf8", "Not UTF-8 text. Save the file as UTF-8.") from None
    except yaml.YAMLError as error:
        raise TextError(_line(error), "yaml_syntax", "Holds a character that YAML does not allow.") from None
    try:
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "not YAML"
        hint = _SYNTAX_HINTS.get(problem, "")
        raise TextError(_line(error), "yaml_syntax", f"Not YAML: {problem}.{hint}") from None
    finally:
        loader.dispose()
    lines: dict[Path, int] = {}
    if node is None:
        return Document(file, {}, {(): 1})
    return Document(file, _value(node, (), lines), lines)


def _line(error: yaml.YAMLError) -> int:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return mark.line + 1 if mark is not None else 1


def _value(node: Node, path: Path, lines: dict[Path, int]) -> Json:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, SequenceNode):
        return [_value(item, (*path, place), lines) for place, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: MappingNode, path: Path, lines: dict[Path, int]) -> Json:
    found: dict[str, Json] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode):
            raise TextError(line, "yaml_key", "A key must be text.")
        key = str(key_node.value)
        if key in found:
            first = lines[(*path, key)]
            raise TextError(line, "yaml_repeated_key", f"The key `{key}` stands here twice (first on line {first}).")
        lines[(*path, key)] = line
        found[key] = _value(value_node, (*path, key), lines)
    return found


def _scalar(node: Node) -> Json:
    text = str(node.value)
    if getattr(node, "style", None):  # of a plain scalar libyaml says "", Python None
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "null", "~"):
        return None
    return int(text) if _INTEGER.match(text) else text


# --- Values -> typed parts ---

M = TypeVar("M", bound=Message)


def read_model(kind: type[M], document: Document, issues: list[Issue]) -> M | None:
    """Return the document as a typed part, or add what is wrong to ``issues`` and return ``None``."""
    try:
        return kind.model_validate_json(json.dumps(document.value))
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=False, include_input=False)[:MAX_ISSUES]:
            issues.append(_explain(kind, document, item["loc"], str(item["type"]), str(item["msg"])))
        return None


def _explain(kind: type[Message], document: Document, path: Path, code: str, message: str) -> Issue:
    name = str(path[-1]) if path else ""
    if code == "missing":
        return document.issue(path[:-1], code, f"`{name}` is missing. Add `{name}: …` here.")
    if code == "extra_forbidden":
        near = get_close_matches(name, _names(kind), n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "Nothing reads it: remove it."
        return document.issue(path, code, f"`{name}` is not known here. {hint}")
    text = message.removeprefix("Value error, ")
    return document.issue(path, code, f"{text[:1].upper()}{text[1:]}.{_HINTS.get(code, '')}")


_HINTS: Final = {
    "string_pattern_mismatch": " Check the spelling; the form is in protocol/spec/covenant.md.",
    "string_type": " Write it between quotes if it must be text.",
    "int_type": " Write a whole number without quotes.",
    "timezone_aware": " Write it in UTC: 2026-01-01T00:00:00Z.",
    "datetime_from_date_parsing": " Write it in UTC: 2026-01-01T00:00:00Z.",
}


def _names(kind: type[Message]) -> list[str]:
    """Return every field name that the form knows, in any depth, for the spelling hint."""
    names: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            names.update(value.get("properties", {}))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(kind.model_json_schema(by_alias=True))
    return sorted(names)


def _spell(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return f" {text[:160]}" if text else ""


def refuse(issues: Sequence[Issue], what: str) -> ConfigurationError:
    """Return the error for a covenant with these issues; its detail names the first, so that one line says enough."""
    first = issues[0]
    more = f" (and {len(issues) - 1} more)" if len(issues) > 1 else ""
    return ConfigurationError(
        Code.COVENANT_INVALID,
        f"{what} cannot be used: {first.location}: {first.message}{more}",
        hint="Run `sluis policy check FOLDER` to see everything that is wrong.",
        issues=issues[:MAX_ISSUES],
    )


def dump(value: Json) -> str:
    """Return YAML text that ``read_document`` reads back as the same value; keys keep their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100)


class _Dumper(yaml.SafeDumper):
    """Never writes an alias, and quotes text that the strict reader would take for a number or a word of its own."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> Node:
        """Quote what would otherwise read back as something else than text."""
        plain = not _INTEGER.match(text) and text not in ("", "true", "false", "null", "~")
        return self.represent_scalar(_STRING_TAG, text, style=None if plain else '"')


_Dumper.add_representer(str, _Dumper.represent_text)
