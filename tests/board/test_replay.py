# SPDX-License-Identifier: EUPL-1.2
"""Past decisions made again: nowhere otherwise under the same covenant, and exactly where the rules differ else."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from board.cli import app
from board.replay import NOT_IN_FORCE, Replayed, replay
from protocol.commitments import commit, leaf_of
from protocol.covenant import Covenant
from protocol.decision_lines import DecisionLine, read_line, write_line
from protocol.errors import InputError
from protocol.events import (
    Act,
    Asked,
    CovenantRef,
    Event,
    NoticeIssued,
    QueryAnswered,
    RequestRefused,
    SignalRefused,
    SignalRegistered,
    SignalsMatched,
    Subject,
    Words,
)
from protocol.ids import Epoch, KeyId, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import Quality, as_uuid
from protocol.policy import Decision, PolicyEngine
from protocol.questions import Push, Query
from tests.fakes.covenants import make_covenant

NOW = datetime(2026, 11, 21, 20, 30, 5, 123000, tzinfo=UTC)
KIT = make_covenant(now=NOW)
SAME = KIT.covenant
ENGINE = PolicyEngine(SAME)
PURPOSE = PurposeId("offender-prevention")
REF = CovenantRef(version=SAME.version, sha256=SAME.sha256)
PARTIES = tuple(agency.id for agency in SAME.agencies)
POLICE, CARE, MUNICIPALITY = PartyId("police-oost"), PartyId("care-linde"), PartyId("municipality-dalen")
KINDS = (KeyKind("bsn"),)
SUBJECT = Subject(signal_ids=(SignalId(as_uuid("018f0000-0000-7000-8000-000000000001")),))


def changed(file: str, old: str, new: str) -> Covenant:
    """Return the covenant with one text changed."""
    text = KIT.files[file].decode()
    assert old in text
    return Covenant.parse(KIT.files | {file: text.replace(old, new).encode()})


SHORTER = changed("purposes/offender-prevention.yaml", "retentionDays: ", "retentionDays: 10 # ")
"""Keeps signals for ten days only."""
SHORTER_ENGINE = PolicyEngine(SHORTER)
QUIET = changed(
    "purposes/offender-prevention.cedar",
    '["existence", "agency"].contains(context.level)',
    'context.level == "existence"',
)
"""Care and municipality learn less on a probable hit."""


def line_of(index: int, event: Event) -> DecisionLine:
    """Put an event through the log and back."""
    return read_line(write_line(index, commit(event, bytes([index % 256]) * 32, bytes(32)).opening))


def act_of(decided: Decision | None, time: datetime = NOW, **more: object) -> Act:
    """Return what all events have."""
    if decided is not None:
        rules = decided.policies if decided.allowed else (decided.rule,)
        more |= {"decision": "allow" if decided.allowed else "deny", "policy_ids": rules}
    return Act(time=time, covenant=REF, **more)  # type: ignore[arg-type]


def signal_line(index: int, push: Push, decision: Decision) -> DecisionLine:
    """Return the line of a signal as the broker writes it."""
    asked = Asked(
        epoch=push.epoch,
        basis=push.basis,
        grounds=push.grounds,
        key_kinds=push.kinds,
        days=(push.expires_at - push.now) // timedelta(days=1),
        informed=push.informed,
        review_days=None if push.review_on is None else (push.review_on - push.now.date()).days,
    )
    act = act_of(decision, push.now, agency=push.agency, purpose=push.purpose, system=push.agency)
    if decision.allowed:
        key = KeyId(f"{push.agency}:1")
        return line_of(
            index,
            SignalRegistered(
                act=act, subject=SUBJECT, asked=asked, urgency="normal", request_digest="0" * 64, request_key_id=key
            ),
        )
    return line_of(
        index, SignalRefused(act=act, subject=SUBJECT, asked=asked, code="policy_refused", rule=decision.rule)
    )


PUSHES = st.builds(
    Push,
    st.sampled_from(PARTIES),
    st.sampled_from(tuple(SAME.purposes)),
    st.sampled_from([SAME.epoch_at(NOW), Epoch(SAME.epoch_at(NOW) - 2)]),
    st.just(NOW),
    st.sampled_from([("violence-in-relationship",), ("violence-in-relationship", "no-such-ground")]),
    st.sampled_from(["legal-duty", "consent", "no-such-basis"]),
    st.sampled_from([(KeyKind("bsn"),), (KeyKind("imei"),), (KeyKind("bsn"), KeyKind("name-dob"))]),
    st.timedeltas(timedelta(days=-3), timedelta(days=800)).map(lambda lives: NOW + lives + timedelta(microseconds=1)),
    st.sampled_from(["informed", "deferred", "not-required"]),
    st.one_of(st.none(), st.integers(-3, 200).map(lambda days: NOW.date() + timedelta(days=days))),
)


@given(st.lists(PUSHES, max_size=5))
@settings(deadline=None, max_examples=25)
def test_signals_are_decided_again_exactly(pushes: list[Push]):
    """Under the same covenant nothing differs; under another, exactly the signals that its rules decide otherwise."""
    lines = [signal_line(index, push, ENGINE.decide(push)) for index, push in enumerate(pushes)]
    assert not any(one.differs for one in replay(SAME, lines))
    again = replay(SHORTER, lines)
    assert len(again) == len(pushes)
    for push, one in zip(pushes, again, strict=True):
        before, after = ENGINE.decide(push), SHORTER_ENGINE.decide(push)
        assert one.differs is ((before.allowed, before.rule) != (after.allowed, after.rule))
        assert one.now is not None
        assert (one.now.allowed, one.now.rule) == (after.allowed, after.rule)


def hit_lines(quality: Quality, engine: PolicyEngine = ENGINE, *, silent: bool = False) -> list[DecisionLine]:
    """Return a hit between police and care and what each was told."""
    act = act_of(None, system=PartyId("broker"), purpose=PURPOSE)
    lines = [
        line_of(0, SignalsMatched(act=act, subject=SUBJECT, quality=quality, kinds=KINDS, agencies=(POLICE, CARE)))
    ]
    for index, (receiver, sender) in enumerate(((POLICE, CARE), (CARE, POLICE)), 1):
        level, decision = engine.highest_level(sender, receiver, PURPOSE, quality, NOW)
        if level is None or silent:
            continue
        act = act_of(decision, system=PartyId("broker"), purpose=PURPOSE, recipient=receiver)
        notice = NoticeIssued(
            act=act, subject=SUBJECT, notice_seq=1, notice_type="hit", level=level, quality=quality, kinds=KINDS
        )
        lines.append(line_of(index, notice))
    return lines


def differing(found: list[Replayed]) -> list[Replayed]:
    """Return what came out otherwise."""
    return [one for one in found if one.differs]


@pytest.mark.parametrize("quality", ["hit", "probable", "possible"])
def test_what_agencies_were_told_is_decided_again(quality: Quality):
    """In both directions; the same covenant tells the same, and a quieter one less of a probable hit to care."""
    lines = hit_lines(quality)
    assert differing(replay(SAME, lines)) == []
    found = differing(replay(QUIET, lines))
    told = [(one.agency, one.then.level, one.now.level if one.now else None) for one in found]
    assert told == ([(CARE, "agency", "existence")] if quality == "probable" else [])


def test_one_who_was_not_told_may_be_told_now():
    """Where the other one was told and this one was not, a rule kept silent, and the new covenant may speak."""
    mute = changed("purposes/offender-prevention.yaml", "    care: [wpg-partnership, wgs-partnership]\n", "")
    lines = hit_lines("hit", PolicyEngine(mute))
    assert len(lines) == 2
    (one,) = differing(replay(SAME, lines))
    assert (one.agency, one.then.allowed, one.now and one.now.allowed) == (CARE, False, True)


def test_silence_on_both_sides_is_not_taken_for_a_refusal():
    """Where nobody was told, the cases may have known each other: that is said, and counts as no difference."""
    found = replay(SAME, hit_lines("hit", silent=True))
    assert differing(found) == []
    assert [one.why for one in found] == ["silent", "silent"]


def test_a_notice_without_its_hit_is_not_decided_again():
    """An agency's own receipts do not say whose signal a hit was with; so it is said."""
    found = replay(SAME, hit_lines("hit")[1:])
    assert [(one.why, one.now) for one in found] == [("counterpart", None)] * 2


def query_line(decision: Decision, agency: PartyId) -> DecisionLine:
    """Return the line of a question that was answered."""
    act = act_of(decision, agency=agency, system=agency, purpose=PURPOSE, justification="case")
    said = Subject(words=Words(text="x", case_reference="y"))
    asked = QueryAnswered(act=act, subject=said, epoch=SAME.epoch_at(NOW), key_kinds=(KeyKind("bsn"),), matches=0)
    return line_of(9, asked)


def test_a_question_is_decided_again():
    """A question that was answered is refused under a covenant in which that kind does not ask."""
    decision = ENGINE.decide(Query(POLICE, PURPOSE, SAME.epoch_at(NOW), NOW, (KeyKind("bsn"),), justified=True))
    assert decision.allowed
    lines = [query_line(decision, POLICE)]
    assert differing(replay(SAME, lines)) == []
    deaf = changed(
        "purposes/offender-prevention.yaml",
        "  police: {acts: [send, receive, query]",
        "  police: {acts: [send, receive]",
    )
    (one,) = differing(replay(deaf, lines))
    assert one.now is not None
    assert one.now.rule == "guard.not-an-asker"


def test_the_new_covenant_need_not_have_been_in_force():
    """A covenant that begins later decides as if it had been in force; who was refused for the moment stays out."""
    later = changed("covenant.yaml", "validFrom: ", "validFrom: 2027-01-01T00:00:00Z # ")
    push = Push(
        POLICE,
        PURPOSE,
        SAME.epoch_at(NOW),
        NOW,
        ("violence-in-relationship",),
        "legal-duty",
        (KeyKind("bsn"),),
        NOW + timedelta(days=9),
    )
    lines = [signal_line(0, push, ENGINE.decide(push))]
    assert differing(replay(later, lines)) == []
    refused = Decision(False, NOT_IN_FORCE, (NOT_IN_FORCE,), "x")
    (one,) = replay(SAME, [signal_line(0, push, refused)])
    assert (one.why, one.differs) == ("not-in-force", False)


def test_what_the_new_covenant_does_not_name_is_said():
    """An agency that the new covenant lacks, and a request whose facts the log does not keep, are not decided again."""
    fewer = make_covenant(now=NOW, agencies=1).covenant
    push = Push(
        CARE,
        PURPOSE,
        SAME.epoch_at(NOW),
        NOW,
        ("violence-in-relationship",),
        "consent",
        (KeyKind("bsn"),),
        NOW + timedelta(days=9),
    )
    act = act_of(None, agency=POLICE, system=POLICE, decision="deny", policy_ids=("guard.not-an-asker",))
    refused = line_of(1, RequestRefused(act=act, code="policy_refused", rule="guard.not-an-asker"))
    found = replay(fewer, [signal_line(0, push, ENGINE.decide(push)), refused])
    assert [one.why for one in found] == ["unknown", "no-facts"]


# --- The lines and the command ---


def test_a_line_proves_its_leaf_and_names_no_subject():
    """A line has the leaf of its entry, and nothing of the subject part."""
    event = SignalsMatched(
        act=act_of(None, system=PartyId("broker"), purpose=PURPOSE),
        subject=SUBJECT,
        quality="hit",
        kinds=KINDS,
        agencies=(POLICE, CARE),
    )
    opening = commit(event, bytes(32), bytes(range(32))).opening
    text = write_line(7, opening)
    assert read_line(text).leaf == leaf_of(opening)
    assert str(SUBJECT.signal_ids[0]) not in text
    assert read_line(text).event == SignalsMatched(act=event.act, quality="hit", kinds=KINDS, agencies=(POLICE, CARE))


@pytest.mark.parametrize("wrong", ["", "{}", "[]", '{"index":0,"record":{},"recordSalt":"","subjectHash":""}'])
def test_a_line_that_is_none_is_refused(wrong: str):
    """Text that is no entry is refused."""
    with pytest.raises(InputError):
        read_line(wrong)


def test_the_command_counts_and_says_what_differs(tmp_path: Path):
    """Counts, a sentence a kind of difference, exit status 1; an entry in two files is one; JSON when asked."""
    new = tmp_path / "new"
    for name, content in KIT.files.items():
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).write_bytes(content)
    terms = new / "purposes/offender-prevention.yaml"
    event = commit(_registered(), bytes(32), bytes(32)).opening
    lines = tmp_path / "lines.jsonl"
    lines.write_text(write_line(4, event) + "\n")
    same = CliRunner().invoke(app, ["replay", str(new), str(lines), str(lines)])
    assert same.exit_code == 0, same.output
    assert "1 decisions made again, 0 come out otherwise." in same.output
    assert "not compared with the log itself" in same.output
    terms.write_text(terms.read_text().replace("retentionDays: ", "retentionDays: 10 # "))
    result = CliRunner().invoke(app, ["replay", str(new), str(lines)])
    assert result.exit_code == 1
    assert "1 signal, Politie Oost, Preventing offending: allowed" in result.output
    assert "-> refused [guard.kept-too-long]" in result.output
    found = json.loads(CliRunner().invoke(app, ["replay", str(new), str(lines), "--json"]).output)
    assert found["differing"][0]["index"] == 4
    assert found["differing"][0]["leaf"] == leaf_of(event).hex()
    lines.write_text("not json\n")
    wrong = CliRunner().invoke(app, ["replay", str(new), str(lines)])
    assert wrong.exit_code != 0
    assert "lines.jsonl:1" in wrong.output


def _registered() -> SignalRegistered:
    push = Push(
        POLICE,
        PURPOSE,
        SAME.epoch_at(NOW),
        NOW,
        ("violence-in-relationship",),
        "legal-duty",
        (KeyKind("bsn"),),
        NOW + timedelta(days=90),
    )
    event = signal_line(4, push, ENGINE.decide(push)).event
    assert isinstance(event, SignalRegistered)
    return event
