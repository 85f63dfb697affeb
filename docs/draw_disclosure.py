# SPDX-License-Identifier: EUPL-1.2
"""Draw ``docs/disclosure.svg`` from the state table of disclosures, so that the picture cannot say anything else.

Run as ``python -m docs.draw_disclosure``; a test compares the committed picture with what is drawn. Each state is a
line downwards, each step an arrow from where it can be taken to where it leads.
"""

from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from protocol.disclosure_states import ENDS, TABLE, Actor, DisclosureState, Row, Told

PICTURE: Final = Path(__file__).parent / "disclosure.svg"
_LEFT: Final = 200
_COLUMN: Final = 92
_TOP: Final = 70
_ROW: Final = 44
_RIGHT: Final = 310
_BEGIN: Final = "new"
_COLOURS: Final[dict[Actor, str]] = {"asker": "#154273", "owner": "#8e3b00", "broker": "#5a5a5a"}
_TELLS: Final[dict[Told, str]] = {
    "asker": "tells the asker",
    "owner": "tells the owner",
    "both": "tells both",
    "nobody": "tells nobody",
}
_PLACES: Final[dict[DisclosureState | None, int]] = {
    state: _LEFT + _COLUMN * place for place, state in enumerate((None, *DisclosureState))
}


def drawn() -> str:
    """Return the picture as SVG."""
    width = _LEFT + _COLUMN * len(_PLACES) + _RIGHT
    height = _TOP + _ROW * len(TABLE) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-labelledby="title description" font-family="sans-serif" font-size="13">',
        # In two pieces, so that nobody takes this line for the licence of this file.
        "<!-- SPDX-License-" + "Identifier: EUPL-1.2 -->",
        "<!-- Drawn by docs/draw_disclosure.py: change the table, not this. -->",
        '<title id="title">The life of a request for more</title>',
        f'<desc id="description">{escape(_said())}</desc>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    bottom = height - 50
    for state, place in _PLACES.items():
        name = _BEGIN if state is None else state.value
        weight = "normal" if state is None or state in ENDS else "bold"
        parts.append(f'<text x="{place}" y="40" text-anchor="middle" font-weight="{weight}">{name}</text>')
        parts.append(f'<line x1="{place}" y1="50" x2="{place}" y2="{bottom}" stroke="#b0b0b0"/>')
    for number, row in enumerate(TABLE):
        parts += _row(row, _TOP + _ROW * number + _ROW // 2)
    legend = _LEFT
    for actor, colour in _COLOURS.items():
        parts.append(f'<circle cx="{legend}" cy="{height - 22}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{legend + 12}" y="{height - 18}">step of the {actor}</text>')
        legend += 170
    return "\n".join([*parts, "</svg>", ""])


def _row(row: Row, y: int) -> list[str]:
    colour = _COLOURS[row.by]
    begins = [_PLACES[state] for state in row.before]
    parts = [
        f'<text x="12" y="{y + 4}" fill="{colour}" font-weight="bold">{row.step.value}</text>',
        *(f'<circle cx="{place}" cy="{y}" r="5" fill="{colour}"/>' for place in begins),
    ]
    if row.after is None:
        # It stays where it is.
        parts += [f'<circle cx="{place}" cy="{y}" r="9" fill="none" stroke="{colour}"/>' for place in begins]
    else:
        end = _PLACES[row.after]
        parts.append(f'<line x1="{min(begins)}" y1="{y}" x2="{end - 8}" y2="{y}" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<path d="M{end - 12} {y - 6} L{end} {y} L{end - 12} {y + 6} Z" fill="{colour}"/>')
    event = "stays within the agency" if row.event is None else row.event.__name__
    said = f"{event}, {_TELLS[row.told]}" if row.event is not None else event
    x = _LEFT + _COLUMN * len(_PLACES) - 30
    parts.append(f'<text x="{x}" y="{y + 4}" fill="{colour}">{said}</text>')
    return parts


def _said() -> str:
    """Return the table in words, for who does not see the picture."""
    lines = []
    for row in TABLE:
        before = " or ".join(_BEGIN if state is None else state.value for state in row.before)
        lines.append(
            f"{row.step.value} by the {row.by}: from {before} to {row.after.value if row.after else 'the same'}."
        )
    return " ".join(lines)


if __name__ == "__main__":
    PICTURE.write_text(drawn(), encoding="utf-8")
