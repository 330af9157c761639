"""Checks the catalogue against the chain of its changes: each step follows from the one before, no row is unexplained. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from accrual.domain.audit_chain import HEAD_FIRST, ChainedChange, UnexplainedRow, advance_audit
from accrual.domain.books import Fault

CHAIN = "audit_chain"


class CatalogueChain:
    """The chained changes of one programme (0: of the database), seen in the order of their numbers."""

    def __init__(self, programme_id: int) -> None:
        self._programme_id = programme_id
        self._head = HEAD_FIRST
        self._number = 0

    def see(self, change: ChainedChange) -> Iterator[Fault]:
        """Name a change whose number leaves a gap or whose digest does not follow; goes on from what is stored."""
        name = f"change {change.number} of the catalogue of programme {self._programme_id}"
        if change.number != self._number + 1:
            text = f"{name} comes after {self._number}: those between are gone"
            yield Fault("catalogue", None, None, text, CHAIN)
        elif advance_audit(self._head, change) != change.chain:
            text = f"{name} ({change.operation} of {change.subject} {change.subject_key}) is not what was chained"
            yield Fault("catalogue", None, None, text, CHAIN)
        self._head, self._number = change.chain, change.number


def unexplained_faults(rows: Iterable[UnexplainedRow]) -> Iterator[Fault]:
    """Rows of the catalogue that are not as their newest chained change left them."""
    for row in rows:
        name = f"row {row.subject_key} of programme {row.programme_id}"
        if not row.stands:
            text = f"{name} is gone, and no chained change removed it"
        elif row.number is None:
            text = f"{name} was added, and no chained change tells of it"
        else:
            text = f"{name} is not as change {row.number}, its newest, left it"
        yield Fault("catalogue", None, None, text, row.subject)
