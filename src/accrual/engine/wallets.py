"""Members as wallets: found by an identity, and with every total as one command left it. Reads only; nothing is decided."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from accrual.domain.commands import Command
from accrual.domain.errors import Busy
from accrual.domain.facts import Identity
from accrual.domain.ids import BUCKETS_MAX, bucket_of, member_id_of, member_of
from accrual.domain.members import MemberProfile
from accrual.domain.outcomes import Booked, Outcome, Status
from accrual.domain.transfers import Kind
from accrual.domain.wallets import AsLeft, Balances, LoggedCall, WalletRow
from accrual.engine.ports_wallets import WalletSource
from accrual.engine.together import Together

MERGES_MAX = 16
PAUSE_S = 0.01
"""Between looks whether a log is decided as far as it went; only calls about unknown members wait so."""

UNSETTLED = "What was accepted before is not decided yet; send the same again a little later."
TOTALS_KEPT_MAX = 10_000
"""Wallets whose totals at some position are kept; a wallet of which nothing is known is summed from its first line."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """The promo whose awards are totalled apart: its number, and all versions of it that a catalogue has."""

    promo_id: int
    versions: tuple[int, ...]


class Wallet(msgspec.Struct, frozen=True, kw_only=True):
    """A member now. `shared` is whom they became part of, where they were merged."""

    row: WalletRow
    shared: WalletRow | None = None

    @property
    def holder(self) -> WalletRow:
        """Whose points these are."""
        return self.shared or self.row


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A member and their totals in one asset, exactly as one command left them: the same whenever it is asked for.

    `total` = all that came less all that went, as lines say; `spent` is what redemptions took less what refunds gave back;
    `counted_units` and `counted_basis` are what one promo gave, and from how much (minor units), less returns.
    `joined` says whether points of a merged member ever came. `number` is the member's number, the same for ever.
    """

    number: int
    enrolled_at: datetime
    profile: MemberProfile
    command: Command
    status: int
    total: int
    pending: int
    spent: int
    joined: bool
    counted_units: int
    counted_basis: int


Returned = Mapping[tuple[bytes, int], int]
"""Units taken back so far by (ticket, number of the award)."""


class _Sums(msgspec.Struct, frozen=True):
    """What the lines up to a position come to. Lines never change, so this never does."""

    position: int = 0
    spent: int = 0
    joined: bool = False
    units: int = 0
    basis: int = 0
    returned: Returned = MappingProxyType({})


NOTHING_YET = _Sums()


class Wallets:
    """Wallets of all programmes. Keeps the sums of the wallets it met last, so that a busy one is not summed again."""

    def __init__(self, source: WalletSource, *, kept_max: int = TOTALS_KEPT_MAX) -> None:
        self._source = source
        self._rows: Together[bytes, WalletRow] = Together(source.wallets)
        self._balances: Together[AsLeft, Balances] = Together(source.balances)
        self._kept_max = kept_max
        self._kept: OrderedDict[tuple[bytes, int, int], _Sums] = OrderedDict()

    async def find_settled(self, programme_id: int, identity: Identity, *, deadline_s: float) -> Wallet | None:
        """As `find`, and None only once all that was accepted before is decided: it might have made them a member.

        Raises Busy when it is not decided within the deadline, DatabaseDown.
        """
        member_id = member_id_of(programme_id, identity.kind, identity.value)
        found = await self.find(programme_id, identity)
        if found is not None:
            return found
        until, decided = await self._source.reach(member_id)
        if decided >= until:
            return await self.find(programme_id, identity)
        try:
            async with asyncio.timeout(deadline_s):
                while decided < until:
                    await asyncio.sleep(PAUSE_S)
                    _, decided = await self._source.reach(member_id)
        except TimeoutError as error:
            raise Busy(UNSETTLED, details={"retry_after_s": 1}) from error
        return await self.find(programme_id, identity)

    async def find(self, programme_id: int, identity: Identity) -> Wallet | None:
        """The member with this identity, and whom they were merged into. Raises DatabaseDown."""
        row = await self._rows.ask(member_id_of(programme_id, identity.kind, identity.value))
        if row is None or row.programme_id != programme_id:
            return None
        shared = row
        for _ in range(MERGES_MAX):
            if shared.merged_into is None:
                break
            following = await self._rows.ask(shared.merged_into)
            if following is None:
                break
            shared = following
        return Wallet(row=row, shared=None if shared is row else shared)

    async def named(self, member_id: bytes, kind: str) -> str | None:
        """How a member was called first in one kind of identity; None when not in this kind. Raises DatabaseDown."""
        return await self._source.named(member_id, kind)

    async def logged(self, log_id: int, programme_id: int) -> LoggedCall | None:
        """The command of a programme that a log id names; None when there is none. Raises DatabaseDown."""
        position, bucket = divmod(log_id, BUCKETS_MAX)
        found = await self._source.logged(bucket, position)
        return None if found is None or found.programme_id != programme_id else found

    async def decided(self, ticket: bytes) -> tuple[LoggedCall, Outcome] | None:
        """A command with its outcome, where it was forwarded to; None while there is none. Raises DatabaseDown."""
        found = await self._source.decided(ticket)
        for _ in range(MERGES_MAX):
            if found is None or found[1].status is not Status.FORWARDED:
                break
            found = await self._source.decided(found[1].follow_ups[0])
        return found

    async def standing(
        self, member_id: bytes, asset_id: int, *, position: int, counted: Counted | None
    ) -> Standing | None:
        """A member as the decided command at this position of their bucket left them; None when they were no member.

        Raises DatabaseDown.
        """
        key = (member_id, asset_id, 0 if counted is None else counted.promo_id)
        kept = self._kept.get(key, NOTHING_YET)
        since = kept if kept.position <= position else NOTHING_YET
        versions = () if counted is None else counted.versions
        now = await self._balances.ask(AsLeft(member_id, asset_id, position, since.position, versions))
        if now is None:
            return None
        sums = _Sums(
            position,
            since.spent + now.spent,
            since.joined or now.joined,
            since.units,
            since.basis,
            since.returned,
        )
        for outcome in now.earned if versions else ():
            sums = await self._add(sums, outcome, member_id, asset_id, frozenset(versions))
        self._keep(key, sums)
        return Standing(
            number=log_id_of(now.enrolled_position, bucket_of(member_id, self._source.buckets)),
            enrolled_at=now.enrolled_at,
            profile=now.profile,
            command=now.command,
            status=now.status,
            total=now.posted,
            pending=now.pending,
            spent=sums.spent,
            joined=sums.joined,
            counted_units=sums.units,
            counted_basis=sums.basis,
        )

    async def _add(
        self, sums: _Sums, outcome: Outcome, member_id: bytes, asset_id: int, versions: frozenset[int]
    ) -> _Sums:
        units, basis = sums.units, sums.basis
        for award in outcome.awards:
            if award.promo_version_id in versions and award.asset_id == asset_id:
                units += award.amount
                basis += award.basis or 0
        returned = sums.returned
        for booked in outcome.booked:
            if booked.kind == Kind.REVERSE and booked.asset_id == asset_id and booked.details is not None:
                back, of_basis, returned = await self._taken_back(booked, member_id, versions, returned)
                units -= back
                basis -= of_basis
        return _Sums(sums.position, sums.spent, sums.joined, units, basis, returned)

    async def _taken_back(
        self, booked: Booked, member_id: bytes, versions: frozenset[int], returned: Returned
    ) -> tuple[int, int, Returned]:
        """Units and basis that a return takes off the totals; all returns of an award come to exactly its basis."""
        details = booked.details or {}
        ticket, number, units = bytes.fromhex(details["target"]), int(details["award"]), int(details["units"])
        found = None if details["promo_version"] not in versions else await self._source.decided(ticket)
        if found is None:
            return 0, 0, returned
        call, outcome = found
        identity = call.command.identity
        if member_of(call.programme_id, identity.kind, identity.value) != member_id:
            return 0, 0, returned  # it was given to a member who was merged into this one, and is not in these totals
        award = outcome.awards[number]
        before = returned.get((ticket, number), 0)
        after, whole = before + units, award.basis or 0
        of_basis = whole * after // award.amount - whole * before // award.amount
        return units, of_basis, MappingProxyType({**returned, (ticket, number): after})

    def _keep(self, key: tuple[bytes, int, int], sums: _Sums) -> None:
        known = self._kept.get(key)
        if known is not None and known.position > sums.position:
            return
        self._kept[key] = sums
        self._kept.move_to_end(key)
        if len(self._kept) > self._kept_max:
            self._kept.popitem(last=False)


def log_id_of(position: int, bucket: int) -> int:
    """The number by which partners know a place of the log: `position * 4096 + bucket`."""
    return position * BUCKETS_MAX + bucket
