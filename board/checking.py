# SPDX-License-Identifier: EUPL-1.2
"""All that can be wrong with a covenant folder, found at once; what ``check`` says and ``build`` refuses.

Not here: showing it (``cli.py``), each kind of fault (the modules that this one asks).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from board.cases import FiledCase, read_cases, try_cases
from board.models import model_engine
from protocol.covenant import Covenant
from protocol.errors import Code, ConfigurationError, Issue
from protocol.policy import PolicyEngine


@dataclass(frozen=True, slots=True)
class Checked:
    """A covenant that can be read, its rules and cases, and what is wrong with them."""

    covenant: Covenant
    engine: PolicyEngine
    cases: tuple[FiledCase, ...]
    issues: tuple[Issue, ...]

    def require_sound(self) -> None:
        """Pass when nothing is wrong. Raises ``ConfigurationError`` (``covenant_invalid``)."""
        if self.issues:
            raise ConfigurationError(
                Code.COVENANT_INVALID,
                f"The covenant has {len(self.issues)} faults, and cannot be signed so.",
                hint="`sluis policy check` lists them all.",
                issues=self.issues,
            )


def find_issues(files: Mapping[str, bytes]) -> Checked:
    """Return what is wrong with a covenant folder's files.

    Raises ``ConfigurationError`` (``covenant_invalid``), with its issues, when they cannot even be read.
    """
    covenant = Covenant.parse(files)
    engine = model_engine(covenant)
    issues: list[Issue] = []
    cases = read_cases(files, issues)
    issues += [tried.wrong for tried in try_cases(engine, cases) if tried.wrong is not None]
    return Checked(covenant, engine, tuple(cases), tuple(issues))
