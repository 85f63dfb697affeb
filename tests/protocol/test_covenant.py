# SPDX-License-Identifier: EUPL-1.2
"""The covenant: one reading of its text, exact errors, the arithmetic of its epochs."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.checkpoint import WitnessKey
from protocol.covenant import (
    EPOCH_ZERO,
    Agency,
    Covenant,
    PartyStatement,
    Title,
    bundle_digest,
    dump_party,
    read_party,
)
from protocol.covenant_text import MAX_DEPTH, MAX_FILE, TextError, dump, read_document
from protocol.errors import AuthenticationError, ConfigurationError, Issue, NotFoundError
from protocol.ids import Epoch, HolderIndex, KeyId, PartyId, PurposeId
from tests.fakes.covenants import make_covenant, policy_files

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
KIT = make_covenant(now=NOW)
OFFENDER = "purposes/offender-prevention.yaml"


def refused(changes: dict[str, bytes | None]) -> tuple[Issue, ...]:
    """Return the issues of the kit's covenant with these files replaced, or left out where the content is None."""
    files = {path: text for path, text in (KIT.files | changes).items() if text is not None}
    with pytest.raises(ConfigurationError) as raised:
        Covenant.parse(files)
    assert raised.value.code == "covenant_invalid"
    return raised.value.issues


def changed(path: str, old: bytes, new: bytes) -> tuple[Issue, ...]:
    """Return the issues of the kit's covenant after one replacement in one file."""
    assert old in KIT.files[path]
    return refused({path: KIT.files[path].replace(old, new, 1)})


# --- Text ---


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        (b"a: 1\nb: 2\na: 3\n", 3, "yaml_repeated_key"),
        (b"a: {x: 1, x: 2}\n", 1, "yaml_repeated_key"),
        (b"a: &x 1\nb: *x\n", 1, "yaml_alias"),
        (b"a: 1\nb: *x\n", 2, "yaml_alias"),
        (b"a: !!python/object:os.system 1\n", 1, "yaml_tag"),
        (b"a: 1\n---\nb: 1\n", 2, "yaml_syntax"),
        (b"a: b: c\n", 1, "yaml_syntax"),
        (b"a: 1\n\tb: 2\n", 2, "yaml_syntax"),
        (b"? [1, 2]\n: 3\n", 1, "yaml_key"),
        (b"a: \xff\n", 1, "not_utf8"),
        (b"a: \x07\n", 1, "yaml_syntax"),
        (b"[" * (MAX_DEPTH + 1), 1, "yaml_depth"),
        (b"#" * (MAX_FILE + 1), 1, "too_large"),
    ],
)
def test_text_with_a_second_reading_is_refused(text: bytes, line: int, code: str):
    """Whatever could be read in two ways, or is too much to read, is refused with its line."""
    with pytest.raises(TextError) as raised:
        read_document("f.yaml", text)
    assert (raised.value.line, raised.value.code) == (line, code)


def test_scalars_are_not_guessed():
    """Only true, false, null and plain decimal integers are no text; YAML's other guesses are not made."""
    text = b'a: no\nb: 2026.1\nc: 0123\nd: 2026-01-01\ne: "12"\nf: 12\ng: true\nh: ~\ni: 0x10\nj: -3\nk: on\n'
    assert read_document("f", text).value == {
        "a": "no",
        "b": "2026.1",
        "c": "0123",
        "d": "2026-01-01",
        "e": "12",
        "f": 12,
        "g": True,
        "h": None,
        "i": "0x10",
        "j": -3,
        "k": "on",
    }


_PITFALLS = ["no", "yes", "null", "~", "", "1", "007", "-0", "1e3", "2026-01-01", "a: b", "# x", "*x", "&x", "!x"]
_NAMES = st.text("abc", min_size=1, max_size=3)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30)
    | st.sampled_from(_PITFALLS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), _VALUES, min_size=1, max_size=4))
def test_what_is_written_reads_back(value):
    """Every value that we write as YAML is read back as the same value by the strict reader."""
    assert read_document("f", dump(value).encode()).value == value


# --- Parts ---


def test_the_repositorys_covenant_is_read_and_lacks_parties():
    """The covenant that comes with the program is valid, has no parties, and no role can run under it."""
    covenant = Covenant.parse(policy_files())
    assert set(covenant.purposes) == {
        "criminal-investigation",
        "monitoring-statistics",
        "offender-prevention",
        "probation-advice",
        "reoffending-supervision",
        "victim-protection",
    }
    assert covenant.missing() == ("it names no broker", "it names 0 of 3 key-holders", "it names no agency")
    with pytest.raises(ConfigurationError, match="0 of 3 key-holders"):
        covenant.require_complete()
    for ask in (lambda: covenant.broker, lambda: covenant.log):
        with pytest.raises(ConfigurationError):
            ask()


def test_a_complete_covenant_answers():
    """A complete covenant gives roles their parties, keys and figures."""
    covenant = KIT.covenant
    covenant.require_complete()
    assert covenant.broker.url == "http://127.0.0.1:8000"
    assert covenant.log.verifier == KIT.log_signer.key
    assert covenant.log.origin == KIT.log_signer.key.name
    assert covenant.witness_keys == tuple(KIT.witness_signers[holder.id].key for holder in covenant.key_holders)
    assert (covenant.sharing.threshold, covenant.sharing.holders, covenant.witness_quorum) == (2, 3, 2)
    assert [covenant.agency(agency.id).kind for agency in covenant.agencies][:2] == ["police", "public-prosecution"]
    assert covenant.purpose(PurposeId("offender-prevention")).budget_per_day == 100_000
    with pytest.raises(NotFoundError):
        covenant.agency(PartyId("holder-1"))
    with pytest.raises(NotFoundError):
        covenant.purpose(PurposeId("nothing"))


def test_key_directory_names_holders_and_agencies():
    """The directory finds every party's key, says which key-holder one is, and knows nobody else."""
    directory = KIT.covenant.key_directory()
    for party, signer in KIT.signers.items():
        entry = directory.lookup(signer.key_id, NOW)
        assert (entry.party, entry.key) == (party, signer.public_key)
    assert directory.lookup(KeyId("holder-2:1"), NOW).holder == HolderIndex(2)
    assert directory.lookup(KeyId("police-oost:1"), NOW).holder is None
    with pytest.raises(AuthenticationError):
        directory.lookup(KeyId("broker:1"), NOW)


def test_roles_meet_in_either_order():
    """A subject meets subjects and associates, in either order; two associates never meet."""
    purpose = KIT.covenant.purposes[PurposeId("offender-prevention")]
    assert purpose.may_meet("subject", "subject")
    assert purpose.may_meet("subject", "associate")
    assert purpose.may_meet("associate", "subject")
    assert not purpose.may_meet("associate", "associate")


def test_person_stands_for_all_keys_of_name_and_birth_date():
    """The word person is written out; identifiers and plates are named one by one."""
    kinds = KIT.covenant.purposes[PurposeId("victim-protection")].key_kinds
    assert {"name-dob", "bsn", "vehicle"} <= set(kinds)
    assert "skn" not in kinds
    assert "person" not in kinds


@pytest.mark.parametrize(
    ("path", "old", "new", "code", "place"),
    [
        ("covenant.yaml", b"epochDays", b"epocDays", "missing", "covenant.yaml:2"),
        ("covenant.yaml", b"graceDays: 14", b"graceDays: 46", "value_error", "covenant.yaml:"),
        ("covenant.yaml", b"epochDays: 90", b'epochDays: "90"', "int_type", "covenant.yaml:LINE epochDays"),
        ("covenant.yaml", b"threshold: 2", b"threshold: 4", "value_error", "covenant.yaml:LINE keyHolding"),
        (
            "covenant.yaml",
            b"threshold: 2",
            b"threshold: 1",
            "greater_than_equal",
            "covenant.yaml:LINE keyHolding.th",
        ),
        ("covenant.yaml", b"witnessQuorum: 2", b"witnessQuorum: 4", "value_error", "covenant.yaml:"),
        ("covenant.yaml", b"witnessQuorum: 2", b"witnessQuorum: 1", "value_error", "covenant.yaml:"),
        ("covenant.yaml", b"logRetentionYears: 5", b"logRetentionYears: 3", "too_short", "covenant.yaml:LINE logRet"),
        ("covenant.yaml", b"logRetentionYears: 5", b"logRetentionYears: 11", "less_than_equal", "covenant.yaml:LINE"),
        ("covenant.yaml", b"dpia:", b"# dpia:", "missing", "covenant.yaml:"),
        ("covenant.yaml", b"population: 17000000", b"population: 9000000000", "not_selective", f"{OFFENDER}:"),
        (OFFENDER, b"{acts", b"{akts", "extra_forbidden", f"{OFFENDER}:LINE participants.police.akts"),
        (OFFENDER, b"  care: {acts", b"  caer: {acts", "literal_error", f"{OFFENDER}:"),
        (
            OFFENDER,
            b"bases: [legal-duty]",
            b"bases: [legal-doubt]",
            "unknown_basis",
            f"{OFFENDER}:LINE participants.police",
        ),
        (OFFENDER, b"[wpg-within-police]", b"[wpg-99]", "unknown_basis", f"{OFFENDER}:LINE legalBases.police.police"),
        (OFFENDER, b"keyKinds: [bsn", b"keyKinds: [bsm", "value_error", f"{OFFENDER}:"),
        (
            OFFENDER,
            b"[send, receive, query], bases: [legal-duty]",
            b"[receive, query], bases: [legal-duty]",
            "value_error",
            f"{OFFENDER}:LINE participants.police",
        ),
        ("purposes/victim-protection.yaml", b"hiddenFrom: [", b"hiddenFrom: [care, ", "value_error", "purposes/victim"),
        ("parties.yaml", b"id: prosecution-oost", b"id: police-oost", "value_error", "parties.yaml:"),
        ("parties.yaml", b"00000000000000000002", b"00000000000000000001", "repeated", "parties.yaml:"),
        ("parties.yaml", b"index: 2", b"index: 1", "repeated", "parties.yaml:"),
        ("parties.yaml", b"index: 3", b"index: 4", "out_of_range", "parties.yaml:"),
        ("parties.yaml", b"kind: police", b"kind: polis", "literal_error", "parties.yaml:LINE agencies[0].kind"),
        ("parties.yaml", b"sluis.test/log+", b"sluis.test/lag+", "value_error", "parties.yaml:"),
    ],
)
def test_errors_name_file_line_and_place(path: str, old: bytes, new: bytes, code: str, place: str):
    """Each mistake is refused with its file, line and place, and a code."""
    issues = changed(path, old, new)
    place = place.replace("LINE", str(KIT.files[path][: KIT.files[path].index(old)].count(b"\n") + 1))
    assert code in {issue.code for issue in issues}
    assert any(issue.location.startswith(place) for issue in issues if issue.code == code), issues


def test_unknown_setting_gets_a_spelling_hint():
    """A misspelt setting is refused with the nearest known one, on its own line."""
    issues = changed("covenant.yaml", b"epochDays", b"epocDays")
    (issue,) = (issue for issue in issues if issue.code == "extra_forbidden")
    assert issue.location == "covenant.yaml:9 epocDays"
    assert "Did you mean `epochDays`?" in issue.message


def test_all_errors_are_told_at_once():
    """Mistakes in three files are listed together."""
    issues = refused(
        {
            "covenant.yaml": KIT.files["covenant.yaml"].replace(b"graceDays: 14", b"graceDays: x"),
            "parties.yaml": b"agencies: [\n",
            OFFENDER: KIT.files[OFFENDER].replace(b"retentionDays", b"retention"),
        }
    )
    assert {issue.location.partition(":")[0] for issue in issues} == {"covenant.yaml", "parties.yaml", OFFENDER}


@pytest.mark.parametrize(
    ("files", "code", "place"),
    [
        ({"covenant.yaml": None}, "missing", "covenant.yaml"),
        ({"sluis.cedarschema": None}, "missing", "sluis.cedarschema"),
        ({"base/00-guards.cedar": None}, "missing", "base"),
        ({"purposes/victim-protection.cedar": None}, "missing", "purposes/victim-protection.cedar"),
        ({"purposes/victim-protection.yaml": None}, "unknown_file", "purposes/victim-protection.cedar"),
        ({"purposes/more.txt": b""}, "unknown_file", "purposes/more.txt"),
        ({"base/UPPER.cedar": b""}, "unknown_file", "base/UPPER.cedar"),
        ({"base/01-more.cedar": b"\xff"}, "not_utf8", "base/01-more.cedar"),
        ({f"base/{place:03}-x.cedar": b"" for place in range(201)}, "too_many_files", "covenant.yaml"),
    ],
)
def test_files_that_are_missing_or_unread_are_refused(files: dict[str, bytes | None], code: str, place: str):
    """A file too few or too many is refused: a rule that is silently not read is a hole."""
    assert (place, code) in {(issue.location, issue.code) for issue in refused(files)}


def test_a_party_that_is_twice_there_is_refused():
    """A key-holder with the name of an agency, and an agency with another's key, are refused."""
    text = KIT.files["parties.yaml"].decode()
    keys = [line for line in text.splitlines() if line.strip().startswith("key: ")]
    copied = text.replace(keys[1], keys[0], 1)
    assert "repeated" in {issue.code for issue in refused({"parties.yaml": copied.encode()})}
    renamed = text.replace("id: holder-1", "id: police-oost").replace("holder-1:1", "police-oost:1")
    assert "repeated" in {issue.code for issue in refused({"parties.yaml": renamed.encode()})}


def test_one_witness_key_under_two_names_is_refused():
    """One body that cosigns under two names would be a quorum by itself."""
    text = KIT.files["parties.yaml"].decode()
    first, second = KIT.covenant.witness_keys[:2]
    doubled = text.replace(second.vkey, WitnessKey(second.name, first.public).vkey)
    assert doubled != text
    assert "repeated" in {issue.code for issue in refused({"parties.yaml": doubled.encode()})}


def test_a_log_that_is_its_own_witness_is_refused():
    """A key-holder whose witness key is the log's would cosign whatever the log says."""
    text = KIT.files["parties.yaml"].decode()
    first = KIT.covenant.witness_keys[0]
    own = text.replace(first.vkey, WitnessKey(first.name, KIT.log_signer.key.public).vkey)
    assert own != text
    assert "log_is_witness" in {issue.code for issue in refused({"parties.yaml": own.encode()})}


@pytest.mark.parametrize(("holders", "quorum"), [(2, 2), (3, 2), (4, 3), (5, 3), (9, 5)])
def test_two_quorums_always_share_a_witness(holders: int, quorum: int):
    """The smallest quorum is a majority of the key-holders: one fewer is refused."""
    kit = make_covenant(now=NOW, key_holders=holders)
    assert kit.covenant.witness_quorum == quorum
    terms = kit.files["covenant.yaml"].replace(
        f"witnessQuorum: {quorum}".encode(), f"witnessQuorum: {quorum - 1}".encode()
    )
    with pytest.raises(ConfigurationError) as raised:
        Covenant.parse(kit.files | {"covenant.yaml": terms})
    assert raised.value.code == "covenant_invalid"


# --- The bundle's name ---


@pytest.mark.parametrize("path", sorted(path for path in KIT.files if not path.startswith(("cases/", "README"))))
def test_digest_covers_every_byte_that_counts(path: str):
    """Any change of any file that has effect, its absence and its name change the bundle's digest."""
    whole = bundle_digest(KIT.files)
    assert whole == KIT.covenant.sha256
    assert bundle_digest(KIT.files | {path: KIT.files[path] + b"\n"}) != whole
    assert bundle_digest({name: text for name, text in KIT.files.items() if name != path}) != whole
    assert bundle_digest({(name + "x" if name == path else name): text for name, text in KIT.files.items()}) != whole


def test_digest_vector():
    """The bundle's digest is the one of the spec page."""
    files = {"covenant.yaml": b"a: 1\n", "base/x.cedar": b"", "README.md": b"anything"}
    assert bundle_digest(files) == "3149fb9a77ce2fb8a122258fba20e78bf7e9661b94e23881c5ab96d8cbbf9409"


def test_digest_leaves_out_what_has_no_effect():
    """Reading matter and cases are no part of the bundle, and the order of files does not matter."""
    files = dict(reversed((KIT.files | {"README.md": b"x", "cases/a/ALLOW/b.yaml": b"y"}).items()))
    assert bundle_digest(files) == KIT.covenant.sha256


# --- Epochs ---


def test_epochs_count_from_2026():
    """Epochs are whole lengths of ninety days since 2026-01-01, and the previous one lives fourteen days longer."""
    covenant = KIT.covenant
    assert covenant.epoch_at(EPOCH_ZERO) == 0
    assert covenant.live_epochs(EPOCH_ZERO) == (0,)
    turn = EPOCH_ZERO + timedelta(days=90)
    assert covenant.live_epochs(turn - timedelta(microseconds=1)) == (0,)
    assert covenant.live_epochs(turn) == (1, 0)
    assert covenant.live_epochs(turn + timedelta(days=14)) == (1,)
    assert covenant.epoch_end(Epoch(0)) == turn + timedelta(days=14)


@given(st.timedeltas(timedelta(0), timedelta(days=100_000)))
def test_a_moment_lies_in_its_epochs(after: timedelta):
    """Every moment lies between the start and the end of each of its live epochs, and of no other epoch."""
    covenant, moment = KIT.covenant, EPOCH_ZERO + after
    live = covenant.live_epochs(moment)
    around = range(max(0, live[0] - 3), live[0] + 3)
    assert sorted(live) == [
        epoch for epoch in around if covenant.epoch_start(Epoch(epoch)) <= moment < covenant.epoch_end(Epoch(epoch))
    ]


def test_a_clock_before_2026_is_refused():
    """Before counting starts there is no epoch: the clock is wrong, and the error says so."""
    with pytest.raises(ConfigurationError, match="clock"):
        KIT.covenant.epoch_at(EPOCH_ZERO - timedelta(seconds=1))


def test_validity_is_half_open():
    """The covenant holds from its first moment up to, and not at, its last."""
    covenant = KIT.covenant
    assert covenant.in_force(covenant.valid_from)
    assert covenant.in_force(covenant.valid_until - timedelta(microseconds=1))
    assert not covenant.in_force(covenant.valid_until)
    assert not covenant.in_force(covenant.valid_from - timedelta(microseconds=1))


# --- Statements ---


def statements() -> list[PartyStatement]:
    """Return the statement of one party of each sort."""
    covenant = KIT.covenant
    return [
        PartyStatement(agency=covenant.agencies[0]),
        PartyStatement(key_holder=covenant.key_holders[0]),
        PartyStatement(broker=covenant.broker, log=covenant.log),
    ]


@pytest.mark.parametrize("statement", statements(), ids=["agency", "key-holder", "broker"])
def test_statements_read_back(statement: PartyStatement):
    """A party's statement is written as YAML and read back as the same statement."""
    text = dump_party(statement)
    assert read_party("party.yaml", text.encode()) == statement
    assert len(text.splitlines()) > 3


def test_a_statement_is_about_one_party():
    """A statement of nobody, of two parties, or of a broker without its log is refused."""
    covenant = KIT.covenant
    agency, holder = covenant.agencies[0], covenant.key_holders[0]
    for parts in ({}, {"agency": agency, "key_holder": holder}, {"broker": covenant.broker}):
        with pytest.raises(ValueError, match=r"one party|go together"):
            PartyStatement(**parts)
    with pytest.raises(ConfigurationError):
        read_party("party.yaml", b"agency: {}\n")


def test_signing_keys_bear_their_partys_name():
    """An agency cannot bring a key that goes by another party's name."""
    agency = KIT.covenant.agencies[0]
    with pytest.raises(ValueError, match="named mallory:<number>"):
        Agency(
            id=PartyId("mallory"),
            kind="care",
            title=Title(nl="M", en="M"),
            oin="1" * 20,
            signing_keys=agency.signing_keys,
        )
