# SPDX-License-Identifier: EUPL-1.2
"""Check that the documents promise nothing that is not there: links, files, commands, make targets, spec pages.

Run as ``python -m tests.check_docs``; prints what is wrong, one line each, and ends with status 1 if anything is.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer.core
import typer.main

from sluis import ROLES, app_of

ROOT: Final = Path(__file__).resolve().parents[1]
_LINK: Final = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_CODE: Final = re.compile(r"`([^`\n]+)`")
_BLOCK: Final = re.compile(r"^```[a-z]*\n(.*?)^```", re.M | re.S)
_SPEC: Final = re.compile(r"spec/([a-z_0-9-]+\.md)")
_FILE: Final = re.compile(r"[\w./-]+/[\w.-]+\.(?:py|md|yaml|cedar|toml|svg|json)\Z")
_MAKE: Final = re.compile(r"\bmake ([a-z][a-z-]*)")
_COMMAND: Final = re.compile(r"\bsluis ((?:[a-z][a-z-]+)(?: [a-z][a-z-]+)?)((?: +--?[a-z][a-z-]*|[^`\n|;&])*)")
_OPTION: Final = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")


def main() -> int:
    """Print every broken promise; return the exit status."""
    problems = list(_problems())
    for problem in problems:
        print(problem)
    print(f"{len(problems)} broken promises in the documents" if problems else "documents: every promise is kept")
    return 1 if problems else 0


def _problems() -> Iterator[str]:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    commands = dict(_commands())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()  # noqa: S607
    for name in tracked:
        path = ROOT / name
        if path.suffix == ".md" and path.is_file():
            text = path.read_text(encoding="utf-8")
            for link in _LINK.findall(text):
                if "://" not in link and not link.startswith("mailto:") and not (path.parent / link).exists():
                    yield f"{name}: the link {link} leads nowhere"
            yield from _promises(name, text, targets, commands)
        if name.startswith("protocol/") and path.suffix == ".py" and path.is_file():
            for page in _SPEC.findall(path.read_text(encoding="utf-8")):
                if not (ROOT / "protocol" / "spec" / page).exists():
                    yield f"{name}: its spec page {page} is missing"


def _promises(name: str, text: str, targets: set[str], commands: dict[str, set[str]]) -> Iterator[str]:
    places = ("", "protocol/", f"{Path(name).parent}/")
    spans = _CODE.findall(_BLOCK.sub("", text)) + [
        line for block in _BLOCK.findall(text) for line in block.splitlines()
    ]
    for span in spans:
        if _FILE.match(span) and _ours(span) and not any((ROOT / place / span).exists() for place in places):
            yield f"{name}: the file {span} is not there"
        for target in _MAKE.findall(span):
            if target not in targets:
                yield f"{name}: make has no target {target}"
        for words, rest in _COMMAND.findall(span):
            first, *more = words.split()
            if first not in ROLES:
                yield f"{name}: there is no command sluis {first}"
            elif more and f"{first} {more[0]}" not in commands:
                yield f"{name}: there is no command sluis {first} {more[0]}"
            elif more:
                # A group of commands, such as `sluis agency canary draft`: the next word says which.
                inner = " ".join([first, more[0], *rest.split()[:1]])
                for option in _OPTION.findall(rest):
                    if option not in commands.get(inner, commands[f"{first} {more[0]}"]) | {"--help"}:
                        yield f"{name}: sluis {first} {more[0]} has no option {option}"


def _ours(path: str) -> bool:
    """Whether the path begins in a folder of the project; others are of examples, homes and addresses."""
    return (ROOT / path.split("/")[0]).is_dir() and not path.startswith("/")


def _commands() -> Iterator[tuple[str, set[str]]]:
    for role in ROLES:
        group = typer.main.get_command(app_of(role))
        if isinstance(group, typer.core.TyperGroup):
            for name, command in group.commands.items():
                yield f"{role} {name}", _options(command)
                if isinstance(command, typer.core.TyperGroup):
                    for inner, one in command.commands.items():
                        yield f"{role} {name} {inner}", _options(one)


def _options(command: Any) -> set[str]:
    return {option for p in command.params for option in p.opts + p.secondary_opts}


if __name__ == "__main__":
    sys.exit(main())
