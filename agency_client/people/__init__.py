# SPDX-License-Identifier: EUPL-1.2
"""Who works here: accounts, passwords, one-time codes, sessions, and the agency's own identity provider.

Not here: pages (``console/login.py``, ``console/account.py``), rows (``vault/people.py``), and what a role may do,
which the covenant's rules and each screen say. Spec page: ``docs/guide-login.md``.
"""
