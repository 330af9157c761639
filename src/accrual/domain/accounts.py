"""Accounts of the points ledger: their roles and floors. Balances never live here; the newest line is the balance."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """What an account is for. Member roles come first; system roles exist once a bucket and asset."""

    MEMBER = 0
    PENDING = 1
    DEBT = 2
    ISSUANCE = 8
    BREAKAGE = 9
    REDEMPTION = 10
    TRANSIT = 11
    BUDGET = 12


MEMBER_ROLES = (Role.MEMBER, Role.PENDING, Role.DEBT)
FLOOR_ZERO = 0
"""No member account goes below it. System accounts have no floor (NULL in the database)."""
