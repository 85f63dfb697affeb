# SPDX-License-Identifier: EUPL-1.2
"""Reach the broker: the one service that a key-holder calls. Not here: what is said (``reporting.py``)."""

from typing import Final

from edge.transport import SignedClient, make_http
from keyholder.reporting import Send
from keyholder.service import Service
from protocol.evaluation_reports import EvaluationReports, ReportsTaken

PATH: Final = "/v1/evaluation-reports"


def sender_of(service: Service) -> Send:
    """Return what sends reports to the broker of the covenant that is acted under at that moment."""

    async def send(reports: EvaluationReports) -> ReportsTaken:
        async with make_http() as http:
            url = service.covenant.broker.url
            broker = SignedClient(url, service.signer, service.clock, http, called="broker")
            return await broker.post(PATH, reports, ReportsTaken)

    return send
