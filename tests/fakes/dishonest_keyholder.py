# SPDX-License-Identifier: EUPL-1.2
"""A real key-holder that lies in one chosen way; everything else about it is honest.

``python -m tests.fakes.dishonest_keyholder --home H --port P --lie LIE`` with the home of an honest one,
or ``KeyHolders.start_lying``. A client must catch every lie and use nothing of the answer.
"""

from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from edge.cli import reported
from edge.keyfile import SecretText
from edge.requests import SignedRequest
from edge.serve import serve
from keyholder.opening import open_enrolled, open_service
from keyholder.routes import make_keyholder_app
from keyholder.service import Service
from keyholder.share import HeldSeeds
from keyholder.witness import Witness
from protocol.agreed import Agreed
from protocol.messages import EvaluationAnswer, utc
from protocol.note import LogKey, WitnessSigner
from protocol.threshold import draw_seed

Lie = Literal["other-key", "other-statement", "swapped-answers", "no-points", "other-witness-key"]
"""What is false, and what a client says:

``other-key``: evaluates with another key than it stated, and proves that one (``proof_invalid``).
``other-statement``: states another key than the other members of its sets do (``key_statement_conflict``).
``swapped-answers``: the right points in another order, so that people get each other's pseudonyms (``proof_invalid``).
``no-points``: answers that are no points (``proof_invalid``).
``other-witness-key``: cosigns with a key that the covenant does not list (``checkpoint_invalid``, ``quorum_missing``).
"""

app = typer.Typer(add_completion=False)


class LyingService(Service):
    """Evaluates or states otherwise than it should."""

    __slots__ = ("honest", "lie")

    @property
    def stated(self) -> HeldSeeds:
        """What the statements are about."""
        return self.honest if self.lie == "other-key" else self.held

    async def evaluate(self, signed: SignedRequest, agreed: Agreed, now: datetime) -> EvaluationAnswer:
        """Answer, then spoil the answer."""
        answer = await super().evaluate(signed, agreed, now)
        if self.lie == "swapped-answers":
            return answer.model_copy(update={"elements": tuple(reversed(answer.elements))})
        if self.lie == "no-points":
            return answer.model_copy(update={"elements": tuple(bytes(32) for _ in answer.elements)})
        return answer


def lying(service: Service, lie: Lie) -> LyingService:
    """Return a service that differs from the honest one in this lie only."""
    made = LyingService(**{one.name: getattr(service, one.name) for one in fields(service) if one.init})
    made.lie = lie
    made.honest = service.held
    if lie in ("other-key", "other-statement"):
        seeds = {members: draw_seed() for members in service.held.seeds}
        made.held = HeldSeeds(service.held.holder, service.held.sharing, service.held.epoch, seeds)
    if lie == "other-witness-key":
        name = service.covenant.key_holders[service.held.holder - 1].witness.partition("+")[0]
        signer = WitnessSigner(name, b"a key that no covenant lists, ok")
        made.witness = Witness(service.ledger, LogKey.parse(service.covenant.log.key), signer)
    return made


@app.command()
@reported()
def main(
    home: Annotated[Path, typer.Option()],
    lie: Annotated[str, typer.Option()],
    passphrase: Annotated[str, typer.Option(envvar="SLUIS_PASSPHRASE")],
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option()] = 0,
) -> None:
    """Serve until told to stop."""
    opened = open_enrolled(home, SecretText(passphrase))
    service = lying(open_service(opened, lambda: utc(datetime.now(UTC))), lie)  # type: ignore[arg-type]  # told by a test
    raise typer.Exit(serve(make_keyholder_app(service, public_url=service.url), host=host, port=port, role="lying"))


if __name__ == "__main__":
    app()
