"""A decision as a draft: everything one command changes in memory, put back whole unless it is committed. Decides nothing.

The worker's memory works like a database with a rollback journal. A command changes the State, the posting and the totals of
its bucket in place, so that the rest of the command reads what it has written, and every change goes through the draft, which
notes what stood there before. `commit` forgets the notes. Whatever else ends a command puts everything back, newest first.

Three things make that hold whatever raises, and wherever:

- The note comes before the change, and putting back restores a value instead of reversing a step. So it does no harm where the
  change was never made.
- Commit and roll-back call nothing that can refuse.
- Nothing else may write to the State or the posting while commands are decided; a rule in `tests/arch` looks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from accrual.domain.log import Posting

if TYPE_CHECKING:  # what is remembered is changed by drafts, and stands above them
    from accrual.engine.state import AccountState

S = TypeVar("S", bound=msgspec.Struct)
K = TypeVar("K")
V = TypeVar("V")

_ABSENT: Any = object()


class Draft:
    """Changes of objects, dictionaries, lists and sets; use it as a context, which rolls back what is not committed."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: list[tuple[Any, ...]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.roll_back()

    def own(self, owner: S) -> S:
        """The same object, its attributes free to be assigned. What its containers hold is changed by the methods below."""
        self._before.append((_restore, owner, owner.__copy__()))  # type: ignore[attr-defined]  # its stubs leave it out
        return owner

    def put(self, mapping: dict[K, V], key: K, value: V) -> None:
        """Set one key of a dictionary."""
        self._before.append((_put_back, mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    def add(self, rows: list[V], row: V) -> None:
        """Append a row, to the posting for one."""
        self._before.append((_shorten, rows, len(rows)))
        rows.append(row)

    def extend(self, rows: list[V], more: Iterable[V]) -> None:
        """Append some rows."""
        self._before.append((_shorten, rows, len(rows)))
        rows.extend(more)

    def replace_last(self, rows: list[V], row: V) -> None:
        """Put a row in the place of the last one."""
        self._before.append((list.__setitem__, rows, len(rows) - 1, rows[-1]))
        rows[-1] = row

    def insert(self, rows: list[V], at: int, row: V) -> None:
        """Put a row that is not in the list yet before the one at this place."""
        self._before.append((_take_out, rows, row))
        rows.insert(at, row)

    def include(self, members: set[V], member: V) -> None:
        """Put a member into a set."""
        if member not in members:
            self._before.append((set.discard, members, member))
            members.add(member)

    def commit(self) -> None:
        """What was changed stands."""
        self._before.clear()

    def roll_back(self) -> None:
        """Everything is as it was after the last commit."""
        before = self._before
        while before:
            restore, *place = before[-1]
            restore(*place)
            before.pop()


class CommandDraft(Draft):
    """The changes of one command after another in one bucket.

    `posting` is what the batch writes. `moved` is what the commands so far move on system accounts, by account; it is netted
    when the bucket is closed.
    """

    __slots__ = ("moved", "posting")

    def __init__(self, posting: Posting) -> None:
        super().__init__()
        self.posting = posting
        self.moved: dict[int, int] = {}

    def credit(self, account: AccountState, balance: int, system: int, total: int) -> None:
        """Set a member's balance, and what is moved on a system account: `own` and `put` for nearly every command, in half
        of their time."""
        moved = self.moved
        self._before.append((_restore_credit, account, account.balance, moved, system, moved.get(system, _ABSENT)))
        moved[system] = total
        account.balance = balance


def _restore(owner: msgspec.Struct, before: msgspec.Struct) -> None:
    for name in owner.__struct_fields__:
        setattr(owner, name, getattr(before, name))


def _restore_credit(account: AccountState, balance: int, moved: dict[int, int], system: int, total: Any) -> None:
    account.balance = balance
    _put_back(moved, system, total)


def _put_back(mapping: dict[Any, Any], key: Any, value: Any) -> None:
    if value is _ABSENT:
        mapping.pop(key, None)
    else:
        mapping[key] = value


def _shorten(rows: list[Any], length: int) -> None:
    del rows[length:]


def _take_out(rows: list[Any], row: object) -> None:
    rows[:] = [each for each in rows if each is not row]
