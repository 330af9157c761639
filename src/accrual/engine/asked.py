"""Gathers whose members and balances a batch has to read, and of whom it asks more than that. Nothing is decided here."""

from __future__ import annotations

from accrual.domain.accounts import Role
from accrual.domain.ids import member_account_id, system_account_id
from accrual.engine.keeping import fresh_account
from accrual.engine.load_levels import moves_levels
from accrual.engine.load_moves import IN_THE_LOTTERY
from accrual.engine.ports_lane import StateSource
from accrual.engine.state import AccountState, MemberCell, State
from accrual.engine.task import Task

ISSUANCE, BREAKAGE = int(Role.ISSUANCE), int(Role.BREAKAGE)


class Asked:
    """What one batch asks for. `more` are the members of whom some task asks for more than member and balances."""

    def __init__(self, state: State) -> None:
        self.more: set[bytes] = set()
        self._state = state
        self._cells = state.members
        self._system = (-1, -1)
        self._fresh: dict[bytes, MemberCell] = {}
        self._members: dict[int, list[bytes]] = {}
        self._accounts: dict[int, list[int]] = {}
        self._new: dict[tuple[int, int], AccountState] = {}

    def note(self, task: Task) -> None:
        """Whom a decoded task is about; their cell is in the state from here on, empty until `read`."""
        reward, member_id = task.reward, task.member_id
        if (reward is None and task.profile is None and task.move is None and task.clears is None) or task.error:
            self.more.add(member_id)
            return
        command = task.command
        bucket = command.bucket
        cell = self._cells.get(member_id)
        if cell is None:
            cell = self._cells[member_id] = self._fresh[member_id] = MemberCell(bucket, None, {}, {})
            group = self._members.get(bucket)
            if group is None:
                self._members[bucket] = [member_id]
            else:
                group.append(member_id)
        looks = task.looks
        if reward is not None:
            accounts = cell.accounts
            for place in looks.accounts:
                if place in accounts:
                    continue
                asset_id, role = place
                account_id = member_account_id(member_id, asset_id, role)
                account = accounts[place] = AccountState(account_id, 0, None, False)
                if (bucket, asset_id) != self._system:
                    self._ask_system(bucket, asset_id)
                if cell.row is not None or member_id in self._fresh:
                    # Who was looked for before and is nobody has no balances.
                    self._new[bucket, account_id] = account
                    self._accounts[bucket].append(account_id)
        if not looks.plain or command.ticket[-1] == IN_THE_LOTTERY or self._asks_more(task, cell):
            self.more.add(member_id)

    def _asks_more(self, task: Task, cell: MemberCell) -> bool:
        row, programme = cell.row, task.programme
        return (
            cell.has_books
            or (row is not None and row.marks != 0)
            or (programme is not None and programme.ladder is not None and moves_levels(task, programme.ladder))
        )

    def _ask_system(self, bucket: int, asset_id: int) -> None:
        """The system accounts that awards of this asset move, where they are not known yet."""
        self._system = (bucket, asset_id)
        wanted = self._accounts.setdefault(bucket, [])
        systems = self._state.systems
        if (bucket, system_account_id(asset_id, ISSUANCE)) not in systems:
            for role in (ISSUANCE, BREAKAGE):
                system_id = system_account_id(asset_id, role)
                self._new[bucket, system_id] = systems[bucket, system_id] = fresh_account(system_id)
                wanted.append(system_id)

    async def read(self, source: StateSource) -> None:
        """Read them, each table once."""
        fresh, new = self._fresh, self._new
        if fresh:
            for member_id, row in (await source.members(self._members)).items():
                fresh[member_id].row = row
                if row.marks:
                    self.more.add(member_id)
        if new:
            wanted = {bucket: accounts for bucket, accounts in self._accounts.items() if accounts}
            for place, (balance, held) in (await source.balances(wanted)).items():
                account = new[place]
                account.balance, account.held, account.exists = balance, held, True
