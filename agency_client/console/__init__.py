# SPDX-License-Identifier: EUPL-1.2
"""The agency's own console: what coordinators, supervisors, privacy officers and operators see and do.

One module a screen, each with its routes and what it shows; ``app.py`` joins them. Every fact shown was verified by
the client first; no pseudonym and no hash is ever shown. Spec page: ``docs/guide-console.md``.
"""
