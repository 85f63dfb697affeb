# SPDX-License-Identifier: EUPL-1.2
"""``sluis policy replay``: past decisions from the log, made again under another covenant.

Not here: deciding again (``replay.py``), exporting the lines (``sluis broker decisions``, ``sluis agency decisions``).
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from board.replay import Outcome, Replayed, replay
from board.showing import DIFFERS, Language, read_covenant
from board.wording import LEVELS_SAID
from edge.cli import reported
from edge.languages import Lang, Pair, say
from protocol.covenant import Covenant
from protocol.decision_lines import DecisionLine, read_line
from protocol.encoding import Json
from protocol.errors import Code, InputError

_ACTS: Final[dict[str, tuple[Pair, Pair]]] = {
    "signal": (("signaal", "signal"), ("signalen", "signals")),
    "canary": (("lokvogel", "canary"), ("lokvogels", "canaries")),
    "query": (("vraag", "question"), ("vragen", "questions")),
    "notice": (("bericht", "notice"), ("berichten", "notices")),
    "request": (("verzoek", "request"), ("verzoeken", "requests")),
}
_WHYS: Final[dict[str, Pair]] = {
    "unknown": (
        "het nieuwe convenant kent de organisatie of het doel niet",
        "the new covenant does not name the agency or purpose",
    ),
    "no-facts": ("het logboek bewaart er geen feiten van", "the log keeps no facts of it"),
    "not-in-force": ("het convenant gold toen niet", "the covenant was not in force then"),
    "counterpart": ("niet bekend over wiens signaal", "not known about whose signal"),
    "silent": (
        "niemand kreeg bericht; misschien kenden de zaken elkaar al",
        "nobody was told; perhaps the cases knew each other already",
    ),
}
_NOT_COMPARED: Final[Pair] = (
    "Van elke regel is het blad van het logboek berekend. De regels zijn niet met het logboek zelf vergeleken.",
    "The log's leaf was computed of every line. The lines were not compared with the log itself.",
)


def add_replay(app: typer.Typer) -> None:
    """Add the command to ``sluis policy``."""
    app.command("replay")(reported()(replay_files))


def replay_files(
    new: Annotated[Path, typer.Argument(help="A covenant folder or bundle.", show_default=False)],
    files: Annotated[
        list[Path],
        typer.Argument(help="Lines from `sluis broker|agency decisions`.", dir_okay=False, show_default=False),
    ],
    lang: Annotated[Language, typer.Option("--lang", help="nl or en.")] = Language.EN,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON value.")] = False,
) -> None:
    """Decide past decisions again, as if this covenant had been in force, and show which would have come out otherwise.

    Exit status 0 when none would, 1 when some would.
    """
    covenant = read_covenant(new)
    lines = read_lines(files)
    found = replay(covenant, lines)
    differing = [one for one in found if one.differs]
    if as_json:
        typer.echo(json.dumps(_as_json(found, lines), indent=2, ensure_ascii=False))
    else:
        for text in told(covenant, found, "nl" if lang is Language.NL else "en"):
            typer.echo(text)
    if differing:
        raise typer.Exit(DIFFERS)


def read_lines(files: Sequence[Path]) -> list[DecisionLine]:
    """Read the lines of all files; an entry that stands in several is one. Raises ``InputError`` with file and line."""
    found: dict[bytes, DecisionLine] = {}
    for file in files:
        try:
            with file.open(encoding="utf-8") as stream:
                for number, text in enumerate(stream, 1):
                    if text.strip():
                        line = _line(file, number, text)
                        found.setdefault(line.leaf, line)
        except (OSError, UnicodeDecodeError):
            raise InputError(Code.MALFORMED, f"Cannot read {file.name} as text.") from None
    return sorted(found.values(), key=lambda line: line.index)


def _line(file: Path, number: int, text: str) -> DecisionLine:
    try:
        return read_line(text)
    except InputError as error:
        raise InputError(
            Code.MALFORMED, f"{file.name}:{number}: {error.detail}", hint="Export the lines again."
        ) from None


def told(covenant: Covenant, found: Sequence[Replayed], lang: Lang) -> Iterator[str]:
    """Yield what came out: how many differ, each kind of difference with its number, and what was left out."""
    again = [one for one in found if one.now is not None]
    differing = Counter((one.act, one.agency, one.purpose, one.then, one.now) for one in again if one.differs)
    head = f"{len(again)} beslissingen opnieuw genomen, {differing.total()} anders."
    yield say((head, f"{len(again)} decisions made again, {differing.total()} come out otherwise."), lang)
    for (act, agency, purpose, then, now), count in differing.most_common():
        if now is not None:
            place = f"{_agency(covenant, agency, lang)}, {_purpose(covenant, purpose, lang)}"
            what = say(_ACTS[act][count != 1], lang)
            yield f"  {count} {what}, {place}: {_outcome(then, lang)} -> {_outcome(now, lang)}"
    left = Counter((one.act, one.why) for one in found if one.why is not None)
    for (kind, why), count in left.most_common():
        text = say(("niet opnieuw beslist", "not decided again"), lang)
        yield f"  {text}: {count} {say(_ACTS[kind][count != 1], lang)}: {say(_WHYS[why or 'no-facts'], lang)}"
    yield say(_NOT_COMPARED, lang)


def _outcome(outcome: Outcome, lang: Lang) -> str:
    answer = say(("toegestaan", "allowed") if outcome.allowed else ("geweigerd", "refused"), lang)
    if outcome.level is not None:
        answer = f"{say(('hoort', 'told'), lang)} {say(LEVELS_SAID[outcome.level], lang)}"
    return f"{answer} [{outcome.rule}]" if outcome.rule else say(("kreeg geen bericht", "not told"), lang)


def _agency(covenant: Covenant, party: str | None, lang: Lang) -> str:
    agency = next((one for one in covenant.agencies if one.id == party), None)
    if agency is None:
        return party or "?"
    return agency.title.nl if lang == "nl" else agency.title.en


def _purpose(covenant: Covenant, name: str | None, lang: Lang) -> str:
    found = next((purpose for known, purpose in covenant.purposes.items() if known == name), None)
    if found is None:
        return name or "?"
    return found.title.nl if lang == "nl" else found.title.en


def _as_json(found: Sequence[Replayed], lines: Sequence[DecisionLine]) -> Json:
    leaves = {line.index: line.leaf.hex() for line in lines}
    return {
        "decidedAgain": sum(one.now is not None for one in found),
        "comparedWithLog": False,
        "differing": [_one(one, leaves) for one in found if one.differs],
        "notDecidedAgain": [_one(one, leaves) | {"why": one.why} for one in found if one.now is None],
    }


def _one(one: Replayed, leaves: dict[int, str]) -> dict[str, Json]:
    return {
        "index": one.index,
        "leaf": leaves.get(one.index),
        "act": one.act,
        "agency": one.agency,
        "purpose": one.purpose,
        "then": _said(one.then),
        "now": None if one.now is None else _said(one.now),
    }


def _said(outcome: Outcome) -> dict[str, Json]:
    return {"allowed": outcome.allowed, "rule": outcome.rule, "level": outcome.level}
