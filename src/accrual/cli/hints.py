"""What to try when a command ends with an error, by the error's code. The error's own sentence is made where it arises."""

from __future__ import annotations

from accrual.domain.errors import AccrualError

_BY_CODE = {
    "database_down": "Look at it with: accrual db status, or check --database-url.",
    "database_unprepared": "Open it once with any command that may write, such as: accrual apply FILE.",
    "programme_missing": "Make one with: accrual init, then: accrual apply programme.yaml.",
    "programme_ambiguous": "Name one with --programme CODE.",
    "client_missing": "Name one with --client CODE.",
    "ticket_unknown": "Check --data-dir or --database-url: every database has its own tickets.",
    "ticket_malformed": "A ticket looks like 0f8fad5b-d9cb-869f-a165-70867728950e, with or without a dialect's prefix.",
    "member_unknown": "KIND is how a client names members, such as qoin.user_id; values are compared exactly.",
    "outcome_damaged": "Run: accrual verify.",
    "catalogue_damaged": "Run: accrual verify.",
}


def hint_for(error: AccrualError) -> str:
    """One sentence of advice, empty when there is none to give."""
    return _BY_CODE.get(error.code, "")
