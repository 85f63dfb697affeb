# SPDX-License-Identifier: EUPL-1.2
"""From a template and what it shows to HTML: everything escaped, nothing undefined, the language's own words.

Not here: HTTP (``visits.py``), what is shown (each screen's module).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from babel.support import NullTranslations
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from agency_client.console.error_words import trouble_words
from agency_client.console.issue_words import words_of
from agency_client.console.languages import Speech
from agency_client.console.refusals import detail_said, hint_said
from edge.languages import LANGS

_ICON_SIZE: Final = 20
_ICONS: Final[Mapping[str, str]] = {
    # Drawn for this project on a grid of 24; each is decoration beside words.
    "today": '<path d="M5 6h14v13H5zM5 10h14M9 3v4M15 3v4"/>',
    "hits": '<circle cx="9" cy="12" r="5"/><circle cx="15" cy="12" r="5"/>',
    "signals": '<path d="M6 4h9l3 3v13H6zM9 11h6M9 15h6"/>',
    "ask": '<circle cx="11" cy="11" r="6"/><path d="M16 16l4 4"/>',
    "requests": '<path d="M4 6h16v10H10l-4 4v-4H4z"/>',
    "logbook": '<path d="M6 3h12v18H6zM9 7h6M9 11h6M9 15h4"/>',
    "covenant": '<path d="M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z"/>',
    "system": '<circle cx="12" cy="12" r="3"/><path d="M12 3v4M12 17v4M3 12h4M17 12h4"/>',
    "account": '<circle cx="12" cy="8" r="4"/><path d="M4 20c1-4 4-6 8-6s7 2 8 6"/>',
    "danger": '<path d="M12 3l10 18H2zM12 9v6M12 17.5v1"/>',
    "proof": '<path d="M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4"/>',
    "phone": '<path d="M6 3h4l1 5-3 2c1 3 3 5 6 6l2-3 5 1v4c-8 2-17-7-15-15z"/>',
}


def icon(name: str) -> Markup:
    """Return an icon as inline SVG, hidden from screen readers: the words beside it say the same."""
    drawn = _ICONS[name]
    return Markup(  # noqa: S704 - made from the table above only
        f'<svg class="icon" width="{_ICON_SIZE}" height="{_ICON_SIZE}" viewBox="0 0 24 24" aria-hidden="true"'
        f' focusable="false">{drawn}</svg>'
    )


class Pages:
    """The console's templates."""

    def render(self, template: str, speech: Speech, /, **context: Any) -> str:
        """Return a page in one language."""
        found = _environment(speech.words).get_template(template)
        return found.render(speech=speech, **{"visit": None, "running": None, **context})


@cache
def _environment(words: NullTranslations) -> Environment:
    """Return what makes pages in one language, made once a process: templates are compiled as they are first needed.

    Jinja's extension keeps its words on the environment, so each language has an environment of its own.
    """
    made = Environment(
        loader=PackageLoader("agency_client.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.globals.update(icon=icon, langs=LANGS)
    made.globals.update(detail_said=detail_said, hint_said=hint_said, issue_said=words_of, trouble_words=trouble_words)
    made.install_gettext_callables(words.ugettext, words.ungettext, newstyle=True)  # type: ignore[attr-defined]
    return made
