# SPDX-License-Identifier: EUPL-1.2
"""A citizen's request from its receipt to its end, and a review of informing, as processes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run
from tests.fakes.whole_system import System

POLICE, CARE = "police-oost", "care-linde"
KNOWN, NUMBER = 770, "0610000770"
CASE = "INZAGE-770"
WHO = ("--person", "p.officier")
CONFLICT, NO_INPUT, REFUSED = 65, 65, 77


def test_a_citizens_request_from_receipt_to_answer(system: System, tmp_path: Path) -> None:
    """Two agencies know a person; the police collect, write both forms with receipts, and enter that they answered."""
    for agency, prefix in ((CARE, "SC"), (POLICE, "SP")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, [KNOWN])
        assert system.read(agency, "push", str(file), *system.purpose_of(agency))["accepted"] == 1
    hits = system.read(POLICE, "inbox")["hits"]
    assert any(one["reference"] == f"SP-{KNOWN}" for one in hits)
    today = datetime.now(UTC).date()
    identifiers, out = tmp_path / "wie.yaml", tmp_path / "uit"
    identifiers.write_text(f"phones:\n  - '{NUMBER}'\n")
    asked: tuple[str, ...] = (
        "--case",
        CASE,
        "--reason",
        "Verzoek om inzage",
        "--received",
        (today - timedelta(days=10)).isoformat(),
    )
    asked += ("--identifiers", str(identifiers), "--out", str(out), *WHO)
    told = system.read(POLICE, "subject-report", *asked)
    assert told["entries"]["offender-prevention"] >= 3
    assert (told["daysLeft"], told["incomplete"]) == (32, False)
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    pages = {f"report.{form}.{lang}.html" for form in ("full", "redacted") for lang in ("nl", "en")}
    assert pages | {"report.full.json", "report.redacted.json"} <= names
    redacted = (out / "report.redacted.nl.html").read_text()
    assert "Jeugdzorg De Linde" in redacted
    assert f"SP-{KNOWN}" not in redacted
    assert f"SP-{KNOWN}" in (out / "report.full.nl.html").read_text()
    document = json.loads((out / "report.redacted.json").read_text())
    part = next(one for one in document["purposes"] if one["purpose"] == "offender-prevention")
    assert part["recipients"] == [CARE]
    assert all(NUMBER[1:] not in path.read_text() for path in out.rglob("*.*") if path.is_file())
    receipts = sorted(out.rglob("*.tlog-proof"))
    (covenant,) = (out / "receipts").glob("covenant-*.json")
    checked = ["audit", "check", *(str(one) for one in receipts), "--covenant", str(covenant)]
    run(checked, environment=ENVIRONMENT, seconds=120)
    assert len(receipts) == sum(told["entries"].values()) + 1
    # The same request again: one request, another entry of the log.
    assert system.read(POLICE, "subject-report", *asked)["logIndex"] > told["logIndex"]
    (request,) = [one for one in system.read(POLICE, "subject-requests")["requests"] if one["case"] == CASE]
    assert (request["state"], request["reports"], request["daysLeft"]) == ("reported", 2, 32)
    system.agency(POLICE, "subject-close", CASE, "--answered")
    assert not any(one["case"] == CASE for one in system.read(POLICE, "subject-requests")["requests"])
    assert any(one["case"] == CASE for one in system.read(POLICE, "subject-requests", "--all")["requests"])
    assert system.read(POLICE, "verify")["findings"] == 0
    raw = (system.home(POLICE) / "vault.db").read_bytes()
    assert CASE.encode() not in raw
    assert NUMBER[1:].encode() not in raw


def test_who_may_not_answer_and_what_is_no_request(system: System, tmp_path: Path) -> None:
    """The supervisor answers no citizens, and is told so by the rule; without identifiers nothing is asked."""
    today = datetime.now(UTC).date().isoformat()
    asked = ("--case", "X-1", "--reason", "Inzage", "--received", today, "--out", str(tmp_path / "x"))
    done = run(system.command("supervisor-mid", "subject-report", *asked), environment=ENVIRONMENT, status=REFUSED)
    assert "policy_refused" in done.stderr
    run(system.command(POLICE, "subject-report", *asked), environment=ENVIRONMENT, status=NO_INPUT)
    assert not (tmp_path / "x").exists()


def test_a_deferral_is_listed_and_decided(system: System, tmp_path: Path) -> None:
    """A person who was not told yet is on the list until somebody tells him, with who decided and why."""
    today = datetime.now(UTC).date()
    file = tmp_path / "later.csv"
    file.write_text(f"kenmerk;telefoon;informed;review_on\nSR-771;0610000771;deferred;{today.isoformat()}\n")
    mapping = tmp_path / "later.yaml"
    mapping.write_text(
        "columns: {kenmerk: reference, telefoon: phones, informed: informed, review_on: review_on}\nconstants: {}\n"
    )
    push = ("push", str(file), "--mapping", str(mapping), *system.purpose_of(CARE))
    assert system.read(CARE, *push)["accepted"] == 1
    (due,) = [one for one in system.read(CARE, "reviews", "--due", "0")["reviews"] if one["reference"] == "SR-771"]
    assert (due["overdue"], due["daysLeft"], due["ages"]["ownFrom"]) == (False, 0, 16)
    why = ("--case", "Z-771", "--reason", "Kan nu veilig", "--approver", "m.leider", *WHO)
    later = (today + timedelta(days=5)).isoformat()
    system.agency(CARE, "reviewed", "SR-771", "--defer-until", later, *why)
    assert [one["daysLeft"] for one in system.read(CARE, "reviews")["reviews"] if one["reference"] == "SR-771"] == [5]
    far = (today + timedelta(days=900)).isoformat()
    line = system.command(CARE, "reviewed", "SR-771", "--defer-until", far, *why)
    assert "guard.deferral-without-review" in run(line, environment=ENVIRONMENT, status=REFUSED).stderr
    system.agency(CARE, "reviewed", "SR-771", "--informed", *why)
    assert not any(one["reference"] == "SR-771" for one in system.read(CARE, "reviews")["reviews"])
