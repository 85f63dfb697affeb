# SPDX-License-Identifier: EUPL-1.2
"""An answer to a citizen for programs: one JSON document a form, with the same content as the page.

Not here: what is in it (``subject_report.py``).
"""

from agency_client.subject_law import GROUNDS
from agency_client.subject_report import Line, PurposePart, SubjectReport
from protocol.covenant import Covenant
from protocol.encoding import Json, format_time
from protocol.events import NoticeIssued


def report_json(report: SubjectReport, covenant: Covenant) -> dict[str, Json]:
    """Return the document."""
    clock = report.clock
    found: dict[str, Json] = {
        "form": report.form,
        "agency": report.agency,
        "case": report.case,
        "received": clock.received.isoformat(),
        "answerBefore": clock.answer_before.isoformat(),
        "daysLeft": clock.days_left,
        "gdprBefore": clock.gdpr_before.isoformat(),
        "madeAt": format_time(report.made_at),
        "covenant": report.covenant_version,
        "purposes": [_part(part, report, covenant) for part in report.purposes],
        "requests": [_line(line, report) for line in report.requests],
        "notAnsweredHere": list(report.declined),
        "incomplete": report.more,
    }
    if report.form == "full":
        found["file"] = {
            "logIndex": report.place,
            "toCheck": report.to_check,
            "weak": report.weak,
            "notAnsweredBecause": {str(purpose): why for purpose, why in report.declined.items()},
            "erased": [
                {"index": one.place, "erasedBy": one.marker, "at": format_time(one.at), "ground": one.ground}
                for one in report.erased
            ],
        }
    return found


def _part(part: PurposePart, report: SubjectReport, covenant: Covenant) -> dict[str, Json]:
    purpose = covenant.purpose(part.purpose)
    contact = covenant.contact_point(purpose)
    told: dict[str, Json] = {
        "purpose": part.purpose,
        "title": {"nl": purpose.title.nl, "en": purpose.title.en},
        "contactPoint": {"nl": contact.title.nl, "en": contact.title.en, "email": contact.email},
        "retentionDays": purpose.retention_days,
        "entries": [_line(line, report) for line in part.lines],
    }
    if part.refused is not None:
        told["refused"] = {"ground": part.refused, "law": GROUNDS[part.refused].law}
    if part.lines:
        told |= {
            "basis": list(part.bases),
            "grounds": list(part.grounds),
            "categories": list(part.categories),
            "sources": list(part.sources),
            "received": list(part.received),
            "recipients": list(part.recipients),
            "liveUntil": None if part.live_until is None else part.live_until.isoformat(),
        }
    if report.form == "full":
        told["epochs"] = list(part.epochs)
    return told


def _line(line: Line, report: SubjectReport) -> dict[str, Json]:
    event = line.event
    told: dict[str, Json] = {
        "at": format_time(line.at),
        "index": line.place,
        "event": type(event).__name__,
        "operation": event.OPERATION,
        "other": line.other,
    }
    if isinstance(event, NoticeIssued):
        told["notice"] = event.notice_type
    if report.form == "full":
        told |= {
            "person": event.act.person,
            "system": event.act.system,
            "reference": line.reference,
            "role": line.role,
            "sure": line.sure,
            "inAnswer": line.for_person,
        }
    return told
