# SPDX-License-Identifier: EUPL-1.2
"""``sluis policy key | root | build | sign | status | unpack``, run as a board runs them."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from board import cli, signing
from board.checking import Checked
from board.signing import Desk, add_commands
from edge.covenant_keys import open_key
from edge.covenant_online import assemble, renew
from edge.covenant_repository import Repository
from edge.covenant_trust import CovenantTrust
from edge.keyfile import SecretText
from protocol.covenant import Covenant
from protocol.covenant_bundle import has_effect, pack
from protocol.errors import ConfigurationError
from tests.fakes.covenant_repository import SignedCovenants
from tests.fakes.covenants import make_covenant, policy_files

NOW = datetime.now(UTC).replace(microsecond=0)
PASSPHRASE = "correct horse battery staple"
NAMES = ("minister", "privacy-officer", "chair", "stranger", "broker")
CONFIG, DATA = 78, 65

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everybody's key files."""
    folder = tmp_path_factory.mktemp("keys")
    for name in NAMES:
        made = CliRunner().invoke(
            cli.app, ["key", name, "--out", str(folder), "--key-file-cost", "interactive"], env=passphrase()
        )
        assert made.exit_code == 0, made.output
    return folder


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """A complete covenant with one purpose, which is read the faster."""
    whole = make_covenant(now=NOW).files
    return {path: text for path, text in whole.items() if has_effect(path) and _is_wanted(path)}


def _is_wanted(path: str) -> bool:
    return not path.startswith("purposes/") or "offender-prevention" in path


@pytest.fixture(scope="module")
def covenant(files: dict[str, bytes]) -> Covenant:
    """The same, read."""
    return Covenant.parse(files)


@pytest.fixture
def folder(files: dict[str, bytes], tmp_path: Path) -> Path:
    """Its folder."""
    return written(files, tmp_path / "covenant")


def written(files: dict[str, bytes], folder: Path) -> Path:
    """Write files into a folder and return it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module", autouse=True)
def read_once() -> Iterator[None]:
    """What bytes mean does not change: each covenant is read once, since reading is most of the time of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Covenant, "read", staticmethod(cache(Covenant.read)))
        yield


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the checking of rules and cases, which takes seconds; one test does it all."""

    def read_only(files: dict[str, bytes], today: object) -> Checked:
        return Checked(Covenant.read(pack(files)), None, (), (), ())  # type: ignore[arg-type]

    monkeypatch.setattr(signing, "find_issues", read_only)


@pytest.fixture
def run(keys: Path) -> Run:
    """Runs a command at a desk where everybody's answer is yes."""
    return at_desk(lambda question: True)


def at_desk(agrees: Callable[[str], bool], now: datetime = NOW) -> Run:
    """Return what runs a command at a desk with this clock and this person."""
    app = typer.Typer()
    add_commands(app, Desk(lambda: now, lambda new: SecretText(PASSPHRASE), agrees))
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def passphrase(text: str = PASSPHRASE) -> dict[str, str]:
    """Return an environment."""
    return {"SLUIS_PASSPHRASE": text}


def root_options(keys: Path, *names: str, threshold: int = 2) -> list[object]:
    """Return the options of the first root."""
    people = [part for name in names or NAMES[:3] for part in ("--key", keys / f"{name}.pub")]
    return [*people, "--threshold", threshold, "--online", keys / "broker.pub"]


@pytest.fixture
def repo(run: Run, keys: Path, folder: Path, tmp_path: Path, unchecked: None) -> Path:
    """A board's folder with a root and a covenant proposed, and nothing signed."""
    path = tmp_path / "repo"
    assert run("root", path, *root_options(keys)).exit_code == 0
    built = run("build", folder, path)
    assert built.exit_code == 0, built.output
    return path


def sign(run: Run, repo: Path, keys: Path, *names: str) -> Result:
    """Let these people sign, and return what the last one saw."""
    seen = None
    for name in names:
        seen = run("sign", repo, "--key-file", keys / f"{name}.key")
        assert seen.exit_code == 0, seen.output
    assert seen is not None
    return seen


def change(folder: Path, version: str) -> None:
    """Give the covenant another version."""
    path = folder / "covenant.yaml"
    path.write_text(re.sub(r"^version: .*$", f'version: "{version}"', path.read_text(), flags=re.MULTILINE))


def contents(repo: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {str(path.relative_to(repo)): path.read_bytes() for path in repo.rglob("*") if path.is_file()}


# --- Keys ---


def test_a_key_made_again_is_the_same(keys: Path):
    """Making a key twice changes nothing, and another passphrase does not open it."""
    before = contents(keys)
    arguments = ["key", "chair", "--out", str(keys)]
    assert CliRunner().invoke(cli.app, arguments, env=passphrase()).exit_code == 0
    assert contents(keys) == before
    assert CliRunner().invoke(cli.app, arguments, env=passphrase("another passphrase")).exit_code == CONFIG
    assert (keys / "chair.key").stat().st_mode & 0o777 == 0o600


def test_the_public_part_shows_nothing_of_the_key(keys: Path):
    """NAME.pub holds a name and a public key, and nothing else."""
    assert set(json.loads((keys / "chair.pub").read_bytes())) == {"format", "name", "public"}


@pytest.mark.parametrize("name", ["Chair", "a", "../x", "a b"])
def test_a_name_that_is_none_is_refused(run: Run, tmp_path: Path, name: str):
    """A key's name is a plain word, since files are named by it."""
    assert run("key", name, "--out", tmp_path / "new").exit_code == CONFIG
    assert not list(tmp_path.rglob("*.key"))


# --- Roots ---


@pytest.mark.parametrize(
    ("people", "threshold"),
    [(("minister", "chair"), 3), (("minister", "minister"), 2), (("minister", "broker"), 2)],
    ids=["more-than-there-are", "twice-the-same", "the-broker-too"],
)
def test_a_root_that_lets_one_act_alone_is_refused(
    run: Run, keys: Path, tmp_path: Path, people: tuple[str, ...], threshold: int
):
    """Too high a threshold, one key counted twice, and the broker among the board are refused; nothing is written."""
    refused = run("root", tmp_path / "r", *root_options(keys, *people, threshold=threshold))
    assert refused.exit_code == CONFIG
    assert not contents(tmp_path / "r")


def test_one_signature_is_never_enough(run: Run, keys: Path, tmp_path: Path):
    """A threshold of one is no choice."""
    assert run("root", tmp_path / "r", *root_options(keys, threshold=1)).exit_code != 0
    assert not (tmp_path / "r").exists()


def test_the_first_root_names_everybody(run: Run, keys: Path, tmp_path: Path):
    """Without signers there is no root."""
    assert run("root", tmp_path / "r", "--online", keys / "broker.pub").exit_code == CONFIG


def test_a_root_that_nobody_signed_is_replaced(run: Run, repo: Path, keys: Path):
    """A proposal is mended by proposing again; the same proposal keeps its signatures."""
    sign(run, repo, keys, "chair")
    assert run("root", repo, *root_options(keys)).exit_code == 0
    assert Repository(repo).root_standing().signed == ("chair",)
    assert run("root", repo, *root_options(keys, threshold=3)).exit_code == 0
    assert Repository(repo).versions("root") == [1]
    assert Repository(repo).root_standing().signed == ()
    assert Repository(repo).root_standing().missing == 3


def test_the_next_root_keeps_what_is_not_given(run: Run, repo: Path, keys: Path):
    """Renewing a root needs no options, and the old signers' signatures."""
    sign(run, repo, keys, "chair", "minister")
    assert run("root", repo, "--days", "700").exit_code == 0
    board = Repository(repo)
    assert (board.root(1).signed.roles, board.root(1).signed.keys) == (
        board.root(2).signed.roles,
        board.root(2).signed.keys,
    )
    assert board.root(2).signed.expires == NOW + timedelta(days=700)
    assert not board.root_standing().complete
    sign(run, repo, keys, "chair", "privacy-officer")
    assert board.root_standing().complete


def test_a_change_of_people_is_signed_by_old_and_new(run: Run, repo: Path, keys: Path):
    """Of the people before and of those after it enough must sign, and the covenant is signed anew."""
    sign(run, repo, keys, "chair", "minister")
    people = [part for name in ("chair", "stranger") for part in ("--key", keys / f"{name}.pub")]
    shown = run("root", repo, *people)
    assert "2 of the signers of the root before it" in shown.output
    sign(run, repo, keys, "chair", "stranger")
    board = Repository(repo)
    assert (board.root_standing().missing_before, board.root_standing().missing) == (1, 0)
    sign(run, repo, keys, "minister")
    assert board.root_standing().complete
    assert board.targets_standing().signed == ("chair", "stranger")


# --- Building ---


def test_what_check_refuses_is_not_built(run: Run, keys: Path, tmp_path: Path):
    """A covenant whose case fails cannot be signed, and a sound one can."""
    kit = make_covenant(now=NOW)
    repo, sound = tmp_path / "repo", kit.write(tmp_path / "sound")
    run("root", repo, *root_options(keys))
    faulty = shutil.copytree(sound, tmp_path / "faulty")
    case = next((faulty / "cases" / "offender-prevention" / "DENY").glob("*.yaml"))
    case.rename(case.parents[1] / "ALLOW" / "something-that-is-refused.yaml")
    refused = run("build", faulty, repo, "--example")
    assert refused.exit_code == CONFIG
    assert "something-that-is-refused" in refused.output
    assert not Repository(repo).versions("targets")
    built = run("build", sound, repo, "--example")
    assert built.exit_code == 0, built.output
    assert Repository(repo).current().sha256 == kit.covenant.sha256


def test_without_assessment_advice_or_parties_nothing_is_built(run: Run, keys: Path, tmp_path: Path):
    """What is still to come keeps a covenant from being signed, unless it is an example; a lacking party always."""
    repo, folder = tmp_path / "repo", make_covenant(now=NOW).write(tmp_path / "covenant")
    run("root", repo, *root_options(keys))
    refused = run("build", folder, repo)
    assert refused.exit_code == CONFIG
    assert "purposes/offender-prevention.yaml" in refused.output
    assert "--example" in refused.output
    (folder / "parties.yaml").write_bytes(policy_files()["parties.yaml"])
    lacking = run("build", folder, repo, "--example")
    assert lacking.exit_code == CONFIG
    assert "it names no broker" in lacking.output
    assert not Repository(repo).versions("targets")


def test_the_same_version_with_other_contents_is_refused(run: Run, repo: Path, keys: Path, folder: Path):
    """What people call by one name is one covenant: a change needs another version."""
    sign(run, repo, keys, "chair", "minister")
    (folder / "covenant.yaml").write_text((folder / "covenant.yaml").read_text() + "# one more line\n")
    before = contents(repo)
    assert run("build", folder, repo).exit_code == DATA
    assert contents(repo) == before
    change(folder, "2026.2")
    assert run("build", folder, repo).exit_code == 0


def test_building_again_keeps_signatures_of_the_same_and_drops_those_of_another(
    run: Run, repo: Path, keys: Path, folder: Path
):
    """Until enough have signed, a proposal can be changed, and then nobody has signed it."""
    sign(run, repo, keys, "chair")
    assert run("build", folder, repo).exit_code == 0
    board = Repository(repo)
    assert board.targets_standing().signed == ("chair",)
    (folder / "covenant.yaml").write_text((folder / "covenant.yaml").read_text() + "# one more line\n")
    assert run("build", folder, repo).exit_code == 0
    assert board.versions("targets") == [1]
    assert board.targets_standing().signed == ()


def test_every_earlier_covenant_stays_named(run: Run, repo: Path, keys: Path, folder: Path, covenant: Covenant):
    """Three versions on, the first is still there, byte for byte, and the signatures' renewal adds none."""
    sign(run, repo, keys, "chair", "minister")
    for version in ("2026.2", "2026.3", "2026.3"):
        change(folder, version)
        assert run("build", folder, repo).exit_code == 0
        sign(run, repo, keys, "chair", "minister")
    board = Repository(repo)
    assert board.versions("targets") == [1, 2, 3, 4]
    assert board.current().version == "2026.3"
    assert sorted(one.version for one in board.history()) == ["2026.1", "2026.2"]
    assert Covenant.read(board.bundle(covenant.sha256)) == covenant


# --- Signing ---


def test_two_of_three_sign_and_every_party_accepts(
    run: Run, repo: Path, keys: Path, covenant: Covenant, tmp_path: Path
):
    """After the commands of a ceremony, a party that pins the first root trusts the covenant."""
    first = sign(run, repo, keys, "chair")
    assert "still wanted: 1" in first.output
    assert "not signed yet: minister, privacy-officer" in first.output
    sign(run, repo, keys, "privacy-officer")
    assert "All is signed" in run("status", repo).output
    assert "Nothing waits" in sign(run, repo, keys, "minister").output
    assemble(Repository(repo), tmp_path / "published")
    renew(tmp_path / "published", open_key(keys / "broker.key", SecretText(PASSPHRASE)), NOW)
    trust = CovenantTrust.begin(tmp_path / "party", (repo / "1.root.json").read_bytes(), str(tmp_path / "published"))
    assert trust.refresh().covenant == covenant


def test_a_signer_sees_what_is_signed(run: Run, repo: Path, keys: Path, folder: Path, covenant: Covenant):
    """Name, version, hash, validity, expiry and what was before are shown before the question."""
    sign(run, repo, keys, "chair", "minister")
    change(folder, "2026.2")
    run("build", folder, repo)
    shown = at_desk(lambda question: False)("sign", repo, "--key-file", keys / "chair.key").output
    board = Repository(repo)
    for text in (
        covenant.name,
        "version 2026.2",
        board.current().sha256,
        f"before: version 2026.1, sha256 {covenant.sha256}",
        f"{covenant.valid_until:%Y-%m-%d}",
        f"{NOW + timedelta(days=180):%Y-%m-%d}",
        "sluis policy diff",
        "Nothing was signed.",
    ):
        assert text in shown
    assert board.targets_standing().signed == ()


def test_without_a_terminal_nobody_signs_unasked(repo: Path, keys: Path):
    """A script must say --yes; then it signs."""
    arguments = ["sign", str(repo), "--key-file", str(keys / "chair.key")]
    assert CliRunner().invoke(cli.app, arguments, env=passphrase()).exit_code == CONFIG
    assert Repository(repo).targets_standing().signed == ()
    assert CliRunner().invoke(cli.app, [*arguments, "--yes"], env=passphrase()).exit_code == 0
    assert Repository(repo).targets_standing().signed == ("chair",)


def test_what_changes_while_the_signer_reads_is_not_signed(repo: Path, keys: Path, folder: Path, run: Run):
    """Only what was shown is signed: whoever swaps the folder's content behind the question gets no signature."""

    def swapped(question: str) -> bool:
        path = repo / "1.targets.json"
        path.write_bytes(path.read_bytes().replace(b'"version":1}', b'"version":1} '))
        return True

    refused = at_desk(swapped)("sign", repo, "--key-file", keys / "chair.key")
    assert refused.exit_code == CONFIG
    assert Repository(repo).targets_standing().signed == ()


def test_signing_twice_changes_nothing(run: Run, repo: Path, keys: Path):
    """A second signature by the same key is the same signature."""
    sign(run, repo, keys, "chair")
    before = contents(repo)
    sign(run, repo, keys, "chair")
    assert contents(repo) == before


def test_a_key_without_a_say_is_refused(run: Run, repo: Path, keys: Path):
    """Who is not on the board signs nothing."""
    before = contents(repo)
    assert run("sign", repo, "--key-file", keys / "stranger.key").exit_code == CONFIG
    assert contents(repo) == before


def bend_targets(repo: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    """Change the list of covenants that waits for signatures."""
    path = repo / f"{Repository(repo).versions('targets')[-1]}.targets.json"
    document = json.loads(path.read_bytes())
    change(document["signed"]["targets"])
    path.write_text(json.dumps(document))


def test_a_list_that_shows_another_covenant_than_it_names_is_not_signed(run: Run, repo: Path, keys: Path):
    """Changed text, another name, or one more file in the list: a signer's own program refuses."""
    text = next((repo / "targets").glob("*.covenant.json"))
    whole, listed = text.read_bytes(), (repo / "1.targets.json").read_bytes()

    def another_name(targets: dict[str, dict[str, object]]) -> None:
        targets["covenant.json"]["custom"] = {"name": "x", "version": "2026.1"}

    def one_more(targets: dict[str, dict[str, object]]) -> None:
        targets["more.json"] = targets["covenant.json"]

    def another_place(targets: dict[str, dict[str, object]]) -> None:
        targets["history/../../x.json"] = targets["covenant.json"]

    def no_name(targets: dict[str, dict[str, object]]) -> None:
        targets["covenant.json"]["hashes"] = {"sha256": "../../etc/passwd"}

    def refuses() -> None:
        assert at_desk(never_asked)("sign", repo, "--key-file", keys / "chair.key").exit_code == CONFIG
        board = Repository(repo)
        with pytest.raises(ConfigurationError):
            board.sign(opened, board.targets_standing())

    opened = open_key(keys / "chair.key", SecretText(PASSPHRASE))
    text.write_bytes(whole.replace(b"forbid", b"permit", 1))
    refuses()
    text.write_bytes(whole)
    for bend in (another_name, one_more, another_place, no_name):
        bend_targets(repo, bend)
        refuses()
        (repo / "1.targets.json").write_bytes(listed)
    sign(run, repo, keys, "chair")


def never_asked(question: str) -> bool:
    """Stand for a person who must not even be asked."""
    raise AssertionError(question)


def test_a_list_that_lost_an_earlier_covenant_is_not_signed(run: Run, repo: Path, keys: Path, folder: Path):
    """What once was in force stays provable: a signer refuses to let it disappear."""
    sign(run, repo, keys, "chair", "minister")
    change(folder, "2026.2")
    run("build", folder, repo)
    bend_targets(repo, lambda targets: [targets.pop(name) for name in list(targets) if name.startswith("history")])
    refused = at_desk(never_asked)("sign", repo, "--key-file", keys / "chair.key")
    assert refused.exit_code == CONFIG
    assert "no longer named" in refused.output


def test_a_root_that_our_commands_would_not_write_is_not_signed(run: Run, repo: Path, keys: Path):
    """A root under which one signature is enough is refused by every signer's own program."""
    path = repo / "1.root.json"
    document = json.loads(path.read_bytes())
    document["signed"]["roles"]["targets"]["threshold"] = 1
    path.write_text(json.dumps(document))
    assert run("sign", repo, "--key-file", keys / "chair.key").exit_code == CONFIG


# --- Showing ---


def test_status_says_when_signatures_are_over(run: Run, repo: Path, keys: Path):
    """A month before its expiry status warns, and after it it says that nobody acts under the covenant."""
    sign(run, repo, keys, "chair", "minister")
    assert "expire" not in run("status", repo).output
    for days, text in ((151, "expires on"), (181, "expired: no party acts")):
        later = at_desk(lambda question: True, NOW + timedelta(days=days))
        assert text in later("status", repo).output


def test_status_of_an_empty_folder_says_what_to_do(run: Run, tmp_path: Path):
    """Before a root there is nothing to show, and the error says how to begin."""
    shown = run("status", tmp_path)
    assert shown.exit_code == CONFIG
    assert "sluis policy root" in shown.output


def test_what_is_signed_can_be_read(run: Run, repo: Path, files: dict[str, bytes], tmp_path: Path):
    """The files of a proposal come out as they went in, into a new folder only."""
    assert run("unpack", repo, tmp_path / "out").exit_code == 0
    assert contents(tmp_path / "out") == files
    assert run("unpack", repo, tmp_path / "out").exit_code == CONFIG
    assert run("unpack", repo, tmp_path / "out2", "--sha256", "../../etc/passwd").exit_code == CONFIG


def test_an_incomplete_set_of_signatures_is_not_assembled(files: dict[str, bytes], tmp_path: Path):
    """What a broker would serve needs all signatures, of the root and of the covenant."""
    for name, root_signers, signers in (("a", ["chair"], None), ("b", None, ["chair"])):
        made = SignedCovenants(tmp_path / name)
        made.add_root(signers=root_signers)
        made.add(files, signers=signers)
        with pytest.raises(ConfigurationError, match="still needs signatures"):
            made.publish()
        assert not made.published.exists()
