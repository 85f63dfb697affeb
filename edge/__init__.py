# SPDX-License-Identifier: EUPL-1.2
"""The shell all roles share: HTTP conventions, key files, covenant folders, logging. No role, no mathematics."""
