# SPDX-License-Identifier: EUPL-1.2
"""Cut a Cedar file into its policies, so that each keeps the line it stands on.

Cedar itself numbers policies by place and gives no line with an error. Spec: ``spec/policy.md``.
Not here: what a policy means; only ``policy.py`` speaks with Cedar.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r'//[^\n]*|"(?:[^"\\]|\\.)*"|;', re.DOTALL)
_BLANK = re.compile(r"(?:\s|//[^\n]*)*")


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One policy's text and where it starts, counted from 1."""

    file: str
    line: int
    text: str

    @property
    def place(self) -> str:
        """File and line, as an editor opens them."""
        return f"{self.file}:{self.line}"


def split_policies(file: str, text: str) -> Iterator[PolicyText]:
    """Yield the policies of a file, each up to and with its semicolon; comments and text between quotes do not end one.

    What stands after the last semicolon is yielded too unless it is blank or comment: Cedar then says what is wrong.
    """
    start = 0
    for token in _TOKEN.finditer(text):
        if token[0] == ";":
            yield _cut(file, text, start, token.end())
            start = token.end()
    if _skip(text, start) < len(text):
        yield _cut(file, text, start, len(text))


def _cut(file: str, text: str, start: int, end: int) -> PolicyText:
    first = min(_skip(text, start), end)
    return PolicyText(file, text.count("\n", 0, first) + 1, text[first:end])


def _skip(text: str, start: int) -> int:
    blank = _BLANK.match(text, start)
    return blank.end() if blank else start
