# SPDX-License-Identifier: EUPL-1.2
"""What people of this agency are called, by the opaque references under which the log knows them.

Not here: accounts (``agency_client/people``), making references (``session.py``).
"""

from collections.abc import Callable

from agency_client.console.visits import Visit
from agency_client.submit import person_reference
from agency_client.vault import Vault


def reference_of(visit: Visit) -> str:
    """Return the opaque reference of who looks, for comparing; ``Visit.person`` is for acts, and keeps who it is."""
    return person_reference(visit.running.session.identity.person_key.reveal(), visit.visitor.subject)


def name_of(vault: Vault) -> Callable[[str], str | None]:
    """Return what gives the name of an own employee: as the account says, else as it was entered."""
    shown, known = {one.subject: one.display for one in vault.people.accounts()}, vault.evidence.people()

    def named(reference: str) -> str | None:
        subject = known(reference)
        return None if subject is None else shown.get(subject, subject)

    return named
