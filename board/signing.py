# SPDX-License-Identifier: EUPL-1.2
"""``sluis policy key | root | build | sign | status | unpack``: how a board signs its covenant, at a table, offline.

REPO is a folder that goes from hand to hand, on a stick or by mail; nothing in it is secret. Who signs needs only REPO
and the own key file. Not here: the files (``edge/covenant_repository.py``), publishing (``sluis broker publish``).
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from board.checking import find_issues, not_yet
from edge.cli import reported
from edge.covenant_folder import read_folder
from edge.covenant_keys import CovenantKey, make_key, open_key, read_public
from edge.covenant_repository import Repository, Standing
from edge.covenant_terms import RootTerms
from edge.files import alone, put_file
from edge.keyfile import Profile, SecretText
from protocol.covenant_bundle import pack, unpack
from protocol.errors import Code, ConfigurationError

ROOT_DAYS: Final = 365
"""A root is renewed at the board's yearly meeting."""
COVENANT_DAYS: Final = 180
"""A covenant is signed anew twice a year, changed or not, so that somebody looks at it."""
SOON: Final = timedelta(days=30)
"""Time for a board to meet."""
MAX_DAYS: Final = 3_660

Repo = Annotated[Path, typer.Argument(help="The board's folder of signed versions.", show_default=False)]
Days = Annotated[int, typer.Option(help="Days that these signatures hold.", min=1, max=MAX_DAYS)]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the commands need of the machine."""

    now: Callable[[], datetime]
    passphrase: Callable[[bool], SecretText]
    """Asks for a passphrase; true: of a new key file."""
    agrees: Callable[[str], bool]
    """Asks the person a question. Raises ``ConfigurationError`` where there is nobody to ask."""


def add_commands(app: typer.Typer, desk: Desk) -> None:
    """Add the signing commands to ``sluis policy``."""

    @app.command()
    @reported()
    def key(
        name: Annotated[str, typer.Argument(help="Whose key: small letters, digits, hyphens.", show_default=False)],
        out: Annotated[Path, typer.Option(help="Folder for the key files.", file_okay=False)],
        key_file_cost: Annotated[
            str, typer.Option(help="Argon2id: moderate (256 MiB, 0.7 s) or interactive (64 MiB, 0.1 s; for tests).")
        ] = "moderate",
    ) -> None:
        """Make a board member's key: NAME.key, encrypted, which never leaves its owner, and NAME.pub for the others."""
        made = make_key(name, out, desk.passphrase(True), profile=_profile(key_file_cost))
        typer.echo(f"{out / name}.key is {name}'s alone. Give {out / name}.pub to who makes the root.")
        typer.echo(f"Fingerprint, to compare by telephone: {made.fingerprint}")

    @app.command()
    @reported()
    def root(
        repo: Repo,
        key: Annotated[list[Path] | None, typer.Option(help="NAME.pub of who signs roots; once for each.")] = None,
        threshold: Annotated[int | None, typer.Option(help="How many of them must sign.", min=2)] = None,
        targets_key: Annotated[
            list[Path] | None, typer.Option(help="NAME.pub of who signs covenants; the same people when absent.")
        ] = None,
        targets_threshold: Annotated[
            int | None, typer.Option(help="How many of those must sign; the same number when absent.", min=2)
        ] = None,
        online: Annotated[Path | None, typer.Option(help="covenant.pub of the broker.")] = None,
        days: Days = ROOT_DAYS,
    ) -> None:
        """Propose who may sign: the first time, when people change, and before the root expires.

        What is not given stays as it is. Enough of the old and enough of the new signers must sign it.
        """
        repo.mkdir(parents=True, exist_ok=True)
        with alone(repo):
            board = Repository(repo)
            before = RootTerms.of(board.root().signed) if board.versions("root") else None
            terms = _terms(before, key, threshold, targets_key, targets_threshold, online)
            version = board.propose_root(terms, desk.now() + timedelta(days=days))
            typer.echo(f"Root {version} is proposed.")
            _say_root(board)
            _say_standing(board.root_standing())

    @app.command()
    @reported()
    def build(
        folder: Annotated[Path, typer.Argument(help="The covenant folder.", show_default=False)],
        repo: Repo,
        days: Days = COVENANT_DAYS,
        example: Annotated[
            bool,
            typer.Option(
                "--example", help="To try it out: also without assessment or advice. Never about real people."
            ),
        ] = False,
    ) -> None:
        """Check a covenant folder as `check` does, pack it, and propose it for signing.

        Refused as well: a covenant that lacks a party, and one whose impact assessment or advice is still to come.
        """
        files = read_folder(folder)
        checked = find_issues(files, desk.now().date())
        checked.require_sound()
        checked.covenant.require_complete()
        if not example:
            checked.require_assessed()
        with alone(repo):
            board = Repository(repo)
            version = board.propose_covenant(pack(files), desk.now() + timedelta(days=days))
            if checked.to_settle:
                left = len(checked.to_settle)
                typer.echo(f"  left for the board to settle before it signs: {left}; `sluis policy check` lists them")
            typer.echo(f"Signing round {version} is proposed.")
            _say_covenant(board)
            _say_standing(board.targets_standing())

    @app.command()
    @reported()
    def sign(
        repo: Repo,
        key_file: Annotated[Path, typer.Option(help="Your NAME.key.", dir_okay=False)],
        yes: Annotated[bool, typer.Option("--yes", help="Sign without asking; for scripts and tests.")] = False,
    ) -> None:
        """Show what waits for signatures, ask, and add yours. The same again changes nothing."""
        with alone(repo):
            board = Repository(repo)
            waiting = [one for one in board.standings() if not one.complete]
            if not waiting:
                typer.echo("Nothing waits for a signature.")
                return
            shown = {one.role: board.raw(one.role, one.version) for one in waiting}
            for one in waiting:
                board.require_signable(one)
                _say_root(board) if one.role == "root" else _say_covenant(board)
            if not yes and not desk.agrees("Do you sign this?"):
                typer.echo("Nothing was signed.")
                return
            signer = open_key(key_file, desk.passphrase(False))
            mine = [one for one in waiting if board.may_sign(one, signer.key)]
            if not mine:
                raise ConfigurationError(
                    Code.KEY_FILE_INVALID,
                    "This key has no say in what waits for signatures here.",
                    hint="`sluis policy status` says whose signatures are wanted.",
                )
            for one in mine:
                if board.raw(one.role, one.version) != shown[one.role]:
                    raise ConfigurationError(Code.COVENANT_INVALID, "The folder changed while you were asked.")
                board.sign(signer, one)
            for one in board.standings():
                _say_standing(one)

    @app.command()
    @reported()
    def status(repo: Repo) -> None:
        """Show what is signed, by whom, until when, and what is still wanted."""
        board = Repository(repo)
        _say_root(board)
        if board.versions("targets"):
            _say_covenant(board)
            for listed in board.history():
                typer.echo(f"  earlier: {listed.version}, sha256 {listed.sha256}")
        now = desk.now()
        for one in board.standings():
            _say_standing(one)
            if one.expires <= now:
                typer.secho(f"{_WORDS[one.role]} expired: no party acts under it.", fg=typer.colors.RED)
            elif one.expires <= now + SOON:
                typer.secho(f"{_WORDS[one.role]} expires on {one.expires:%Y-%m-%d}.", fg=typer.colors.YELLOW)
        if all(one.complete for one in board.standings()) and board.versions("targets"):
            typer.echo("All is signed. The broker publishes it with `sluis broker publish`.")

    @app.command("unpack")
    @reported()
    def unpacked(
        repo: Repo,
        folder: Annotated[Path, typer.Argument(help="A new folder for the files.", show_default=False)],
        sha256: Annotated[str | None, typer.Option(help="An earlier covenant; the newest when absent.")] = None,
    ) -> None:
        """Write out the very files that are (to be) signed, to read them or to compare with `sluis policy diff`."""
        board = Repository(repo)
        wanted = sha256 or board.current().sha256
        if folder.exists():
            raise ConfigurationError(Code.SETTINGS_INVALID, f"{folder} is there already.", hint="Name a new folder.")
        for path, text in unpack(board.bundle(wanted)).items():
            put_file(folder / path, text)
        typer.echo(f"{folder} holds the covenant with sha256 {wanted}.")


_WORDS: Final = {"root": "The root", "targets": "The covenant's last round of signatures"}


def _terms(
    before: RootTerms | None,
    keys: Sequence[Path] | None,
    threshold: int | None,
    targets_keys: Sequence[Path] | None,
    targets_threshold: int | None,
    online: Path | None,
) -> RootTerms:
    """Return the wanted terms: what is not given is as before, and covenants are signed by who signs roots."""
    broker = read_public(online) if online is not None else None
    if before is None:
        if not keys or threshold is None or broker is None:
            raise ConfigurationError(
                Code.SETTINGS_INVALID,
                "The first root names its signers, how many must sign, and the broker's online key.",
                hint="Give --key for each, --threshold and --online.",
            )
        before = RootTerms((), 0, (), 0, broker)
    together = (before.targets, before.targets_threshold) == (before.root, before.root_threshold)
    roots = [read_public(path) for path in keys] if keys else before.root
    enough = threshold or before.root_threshold
    signers = roots if together else before.targets
    many = enough if together else before.targets_threshold
    return RootTerms(
        roots,
        enough,
        [read_public(path) for path in targets_keys] if targets_keys else signers,
        targets_threshold or many,
        broker or before.online,
    )


def _say_root(board: Repository) -> None:
    found = board.root()
    terms = RootTerms.of(found.signed)
    digest = hashlib.sha256(board.raw("root", found.signed.version)).hexdigest()
    typer.echo(f"Root {found.signed.version}, holds until {found.signed.expires:%Y-%m-%d %H:%M} UTC")
    typer.echo(f"  roots are signed by {terms.root_threshold} of:")
    _say_keys(terms.root)
    typer.echo(f"  covenants are signed by {terms.targets_threshold} of:")
    _say_keys(terms.targets)
    typer.echo("  the broker's online key:")
    _say_keys([terms.online])
    if board.root_standing().complete:
        typer.echo(f"  sha256 of its file, for who enrols: {digest}")


def _say_keys(keys: Sequence[CovenantKey]) -> None:
    for key in sorted(keys, key=lambda key: key.name):
        typer.echo(f"    {key.name}: {key.fingerprint}")


def _say_covenant(board: Repository) -> None:
    standing = board.targets_standing()
    covenant = board.covenant()
    typer.echo(f"{covenant.name}, version {covenant.version}")
    typer.echo(f"  sha256 {covenant.sha256}")
    typer.echo(f"  in force from {covenant.valid_from:%Y-%m-%d} until {covenant.valid_until:%Y-%m-%d}")
    if unsure := sum(basis.certainty == "unsure" for basis in covenant.legal_bases.values()):
        typer.echo(f"  articles of law that nobody has checked: {unsure}")
    for path, field, text in not_yet(covenant):
        typer.secho(f"  {path}, {field}: {text}", fg=typer.colors.RED)
    typer.echo(f"  the signatures hold until {standing.expires:%Y-%m-%d %H:%M} UTC")
    if standing.version > 1:
        before = board.current(standing.version - 1)
        same = before.sha256 == covenant.sha256
        typer.echo("  the same as before" if same else f"  before: version {before.version}, sha256 {before.sha256}")
        if not same:
            typer.echo(
                "  what changes: `sluis policy unpack REPO NEW`, "
                f"`sluis policy unpack REPO OLD --sha256 {before.sha256}`, `sluis policy diff OLD NEW`"
            )


def _say_standing(standing: Standing) -> None:
    what = "Root" if standing.role == "root" else "Signing round"
    by = ", ".join(standing.signed) or "nobody yet"
    typer.echo(f"{what} {standing.version} is signed by: {by}")
    if standing.missing_before:
        typer.echo(f"  still wanted: {standing.missing_before} of the signers of the root before it")
    if standing.missing:
        typer.echo(f"  still wanted: {standing.missing}")
    if not standing.complete:
        typer.echo(f"  not signed yet: {', '.join(standing.unsigned)}")


def _profile(word: str) -> Profile:
    try:
        return Profile[word.upper()]
    except KeyError:
        detail = "The key file's cost is moderate or interactive."
        raise ConfigurationError(Code.SETTINGS_INVALID, detail) from None
