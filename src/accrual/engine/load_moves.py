"""Loads what movements without a promo look at: open lots, the commands they are about, holds. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from accrual.domain.accounts import Role
from accrual.domain.commands import LoggedCommand
from accrual.domain.ids import member_account_id, system_account_id
from accrual.domain.members import MARK_AWAITED, MARK_DEBT
from accrual.domain.movements import (
    Absorb,
    Capture,
    Confirm,
    Merge,
    Movement,
    Receive,
    Refund,
    Release,
    Reverse,
    Review,
)
from accrual.engine.load_earlier import grouped, load_earlier
from accrual.engine.lot_book import LotBook
from accrual.engine.ports_lane import StateSource
from accrual.engine.state import AccountState, MemberCell, State
from accrual.engine.task import Task

MOVED_ROLES = (Role.MEMBER, Role.PENDING, Role.DEBT)
SYSTEM_ROLES = (Role.ISSUANCE, Role.BREAKAGE, Role.REDEMPTION, Role.TRANSIT)
IN_THE_LOTTERY = 1024
"""One in so many rewards opens its member's books, so that even a member who never spends gets snapshots of lots: whoever
debits after years of credits alone reads some thousand of them. A multiple of 256: the last byte of such tickets is 0."""

TOLD_BY_WHAT_THEY_ARE_ABOUT = (Refund, Reverse, Capture, Confirm, Release, Merge, Receive, Absorb)
"""Movements of whatever assets an earlier command was about, so that none they name narrows what is read."""


async def load_moves(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    """Accounts with their lots for every movement, and for rewards of members who owe or whose books are open."""
    wanted: list[tuple[Task, list[tuple[int, Role]]]] = []
    moves = [task for task in tasks if task.move is not None]
    for task in moves:
        if task.move is None or task.programme is None or task.error is not None or isinstance(task.move, Review):
            continue
        assets = _assets(task.move, task)
        state.members[task.member_id].has_books = True
        wanted.append((task, [(asset_id, role) for asset_id in assets for role in MOVED_ROLES]))
    open_books, awaited = _look_over(tasks, state)
    if open_books:
        # Whoever's books are open has them open for each command of the batch.
        for task in tasks:
            if task.member_id in open_books and task.reward is not None and task.programme is not None:
                assets = sorted({asset_id for asset_id, _ in task.looks.accounts})
                wanted.append((task, [(asset_id, role) for asset_id in assets for role in MOVED_ROLES]))
    if awaited:
        woken = await source.awaiting(grouped((task.command.bucket, task.ticket) for task in awaited))
        for task in awaited:
            task.woken = woken.get(task.ticket)
    if wanted:
        await _load_accounts(wanted, state, source)
    if moves:
        await load_earlier(tasks, state, source)


def _look_over(tasks: Sequence[Task], state: State) -> tuple[set[bytes], list[Task]]:
    """The members of rewards whose books are open, or are opened since something asks for them; and the rewards that a
    return may wait for."""
    open_books: set[bytes] = set()
    awaited: list[Task] = []
    returning = {
        task.member_id for task in tasks if isinstance(task.move, Reverse)
    }  # a return of theirs may come to wait
    for task in tasks:
        if task.reward is None or task.programme is None:
            continue
        cell = state.members[task.member_id]
        marks = 0 if cell.row is None else cell.row.marks
        if not cell.has_books:
            task.lottery = not marks & MARK_DEBT and in_the_lottery(task.command, cell)
            cell.has_books = task.lottery or bool(marks & MARK_DEBT or task.looks.costs)
        if cell.has_books:
            open_books.add(task.member_id)
        if marks & MARK_AWAITED or task.member_id in returning:
            awaited.append(task)
    return open_books, awaited


def in_the_lottery(command: LoggedCommand, cell: MemberCell) -> bool:
    """Whether a member's books are opened with this command to see whether a snapshot of them is due."""
    return not int.from_bytes(command.ticket[-2:], "big") % IN_THE_LOTTERY and command.position >= cell.books_rest


def _assets(move: Movement, task: Task) -> Iterable[int]:
    """The asset that a movement names; all of them where what it is about tells which."""
    if task.programme is None:
        return ()
    if move.asset and not isinstance(move, TOLD_BY_WHAT_THEY_ARE_ABOUT):
        found = task.programme.assets.get(move.asset)
        return () if found is None else (found,)
    return task.programme.assets.values()


async def _load_accounts(
    wanted: Sequence[tuple[Task, list[tuple[int, Role]]]], state: State, source: StateSource
) -> None:
    balances: dict[int, list[int]] = {}
    fresh: dict[tuple[int, int], AccountState] = {}
    books: dict[int, list[int]] = {}
    bare: dict[tuple[int, int], tuple[AccountState, Role]] = {}
    for task, places in wanted:
        bucket = task.command.bucket
        cell = state.members[task.member_id]
        for asset_id, role in places:
            account = cell.accounts.get((asset_id, role))
            if account is None:
                account_id = member_account_id(task.member_id, asset_id, role)
                account = cell.accounts[asset_id, int(role)] = AccountState(account_id, 0, None, False)
                fresh[bucket, account_id] = account
                if cell.row is not None:
                    balances.setdefault(bucket, []).append(account_id)
            if account.lots is None and role is not Role.DEBT:
                account.lots = LotBook(bucket, pending=role is Role.PENDING)
                if cell.row is not None:
                    books.setdefault(bucket, []).append(account.account_id)
                    bare[bucket, account.account_id] = (account, role)
            for system_role in SYSTEM_ROLES:
                system_id = system_account_id(asset_id, system_role)
                if (bucket, system_id) not in state.systems:
                    system = state.systems[bucket, system_id] = AccountState(system_id, 0, None, False)
                    fresh[bucket, system_id] = system
                    balances.setdefault(bucket, []).append(system_id)
    if balances:
        for place, (balance, held) in (await source.balances(balances)).items():
            account = fresh[place]
            account.balance, account.held, account.exists = balance, held, True
    if books:
        for place, events in (await source.lots(books)).items():
            account, role = bare[place]
            account.lots = LotBook.load(place[0], events, pending=role is Role.PENDING)
            state.lots += len(account.lots)
