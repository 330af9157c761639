"""Gathers whose members and balances a batch has to read, and of whom it asks more than that. Nothing is decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Set
from typing import Self

from accrual.domain.accounts import Role
from accrual.domain.ids import member_account_id, system_account_id
from accrual.domain.log import Sought
from accrual.engine.keeping import fresh_account
from accrual.engine.load_levels import moves_levels
from accrual.engine.load_moves import in_the_lottery
from accrual.engine.ports_lane import StateSource
from accrual.engine.state import UNREAD, AccountState, MemberCell, State
from accrual.engine.task import Task

ISSUANCE, BREAKAGE = int(Role.ISSUANCE), int(Role.BREAKAGE)


Place = tuple[MemberCell | None, AccountState | None]
"""Where the member and the balance of one sought are put."""


class Asked:
    """What one batch asks for. `more` are the members of whom some task asks for more than member and balances."""

    def __init__(self, state: State) -> None:
        self.more: set[bytes] = set()
        self._state = state
        self._cells = state.members
        self._fresh: set[bytes] = set()
        self._sought: dict[int, list[Sought]] = {}
        self._places: dict[int, list[Place]] = {}
        # Those of the bucket at hand.
        self._group: list[Sought] = []
        self._group_places: list[Place] = []
        self._marked: Set[bytes] | None = None
        self._bucket = -1
        self._asset_id = -1

    def note(self, task: Task) -> None:
        """Whom a decoded task is about; their cell is in the state from here on, empty until `read`."""
        reward, member_id = task.reward, task.member_id
        if (reward is None and task.profile is None and task.move is None and task.clears is None) or task.error:
            self.more.add(member_id)
            return
        command = task.command
        bucket = command.bucket
        if bucket != self._bucket:
            self._turn_to(bucket)
        unread = None
        cell = self._cells.get(member_id)
        if cell is None:
            cell = unread = self._cells[member_id] = MemberCell(bucket, None, {}, {})
            self._fresh.add(member_id)
        looks = task.looks
        more = not looks.plain or self._asks_more(task, cell)
        if more:
            self.more.add(member_id)
        # Nearly everybody is neither merged nor marked: of whom nothing but balances is asked, the balance alone is read.
        whole = (
            more or not looks.timeless or command.name is not None or self._marked is None or member_id in self._marked
        )
        if whole and cell.row is UNREAD:
            unread = cell
        if reward is not None:
            accounts = cell.accounts
            for place in looks.accounts:
                if place in accounts:
                    continue
                asset_id, role = place
                account_id = member_account_id(member_id, asset_id, role)
                account = accounts[place] = AccountState(account_id, 0, None, False)
                if asset_id != self._asset_id:
                    self._ask_system(bucket, asset_id)
                if unread is not None:
                    self._group.append((member_id, account_id, whole))
                    self._group_places.append((unread, account))
                    if not whole:
                        cell.row = UNREAD  # unless the answer says otherwise
                    unread = None
                elif cell.row is not None or member_id in self._fresh:
                    # Who was looked for before and is nobody has no balances.
                    self._group.append((None, account_id, True))
                    self._group_places.append((None, account))
        if unread is not None:
            self._group.append((member_id, None, True))
            self._group_places.append((unread, None))

    def _asks_more(self, task: Task, cell: MemberCell) -> bool:
        row, programme = cell.row, task.programme
        if not task.command.ticket[-1]:
            if in_the_lottery(task.command, cell):
                return True
            # Whoever has much to do draws often, and stays remembered: forgotten, their books would be looked at again.
            self._cells[task.member_id] = self._cells.pop(task.member_id)
        return (
            cell.has_books
            or (row is not None and row.marks != 0)
            or (programme is not None and programme.ladder is not None and moves_levels(task, programme.ladder))
        )

    def _turn_to(self, bucket: int) -> None:
        self._bucket, self._asset_id = bucket, -1
        self._group = self._sought.setdefault(bucket, [])
        self._group_places = self._places.setdefault(bucket, [])
        self._marked = self._state.marked.get(bucket)

    def _ask_system(self, bucket: int, asset_id: int) -> None:
        """The system accounts that awards of this asset move, where they are not known yet."""
        self._asset_id = asset_id
        systems = self._state.systems
        if (bucket, system_account_id(asset_id, ISSUANCE)) not in systems:
            for role in (ISSUANCE, BREAKAGE):
                system_id = system_account_id(asset_id, role)
                account = systems[bucket, system_id] = fresh_account(system_id)
                self._group.append((None, system_id, True))
                self._group_places.append((None, account))

    async def read(self, source: StateSource) -> None:
        """Read in one go whatever was asked for since it was last read."""
        wanted = {bucket: sought for bucket, sought in self._sought.items() if sought}
        places = [place for bucket in sorted(wanted) for place in self._places[bucket]]
        self._sought, self._places, self._bucket = {}, {}, -1
        if not wanted:
            return
        for number, row, balance, held in await source.look_up(wanted):
            cell, account = places[number]
            if cell is not None and (row is not None or balance is None):
                cell.row = row
                if row is not None and row.marks:
                    self.more.add(row.member_id)
            if balance is not None and account is not None:
                account.balance, account.held, account.exists = balance, held, True


class Reading:
    """Reads what is asked for in the background, one read at a time; none is under way once this is left."""

    def __init__(self, asked: Asked, source: StateSource) -> None:
        self._asked = asked
        self._source = source
        self._under_way: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def start(self) -> None:
        """Read what was asked for so far. What was read before must be `done`."""
        self._under_way = asyncio.create_task(self._asked.read(self._source))
        await asyncio.sleep(0)  # it goes out before the caller does anything else

    async def done(self) -> None:
        """Wait until what is being read has come. Raises what that read raised."""
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            await under_way

    async def __aexit__(self, *_: object) -> None:
        if self._under_way is not None:
            # The session serves one at a time: who fails must not leave a read in it. What else failed is told already.
            await asyncio.gather(self._under_way, return_exceptions=True)
