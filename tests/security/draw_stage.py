"""One prize table in memory, and members who enter, return, send and merge. No assertions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.commands import Dialect, LoggedCommand
from accrual.domain.draws import DrawSecret
from accrual.domain.facts import Identity, Item, Purchase
from accrual.domain.movements import MEMBER_KIND, Merge, Refund, ReturnedPart, Reverse, Transfer
from accrual.domain.outcomes import Outcome
from accrual.domain.programme import Catalogue
from tests.desk import Desk, catalogue_of, identity_of, member_of, promo_of

PTS, LD = 1, 2
SURE = 1_000_000_000
"""The weight of a prize that comes unless it is out, beside one of weight 1."""


def wheel(
    *, stock: int = 1, amount: int = 1, limits: Sequence[Mapping[str, Any]] = (), benefits: Sequence[Any] = ()
) -> dict[str, Any]:
    """A promo on purchases whose GOLD is won while it is there; without it an entry wins nothing."""
    prizes = [
        {"code": "GOLD", "asset": "LD", "amount": amount, "weight": SURE, "stock": stock},
        {"code": "NOTHING", "nothing": True, "weight": 1},
    ]
    draw = {"asset": "PTS", "draw": {"prizes": prizes}}
    return {"code": "WHEEL", "trigger": "purchase", "limits": list(limits), "benefits": [draw, *benefits]}


def committed(catalogue: Catalogue) -> Catalogue:
    """The catalogue with an open round of each of its promos."""
    secrets = [DrawSecret(promo_id=each.promo_id, round=1, secret=bytes(32)) for each in catalogue.promos]
    return msgspec.structs.replace(catalogue, secrets=tuple(secrets))


class DrawStage:
    """Members by name; each step is decided before the next."""

    def __init__(self, *promos: dict[str, Any], **settings: Any) -> None:
        programme = catalogue_of([promo_of(**promo) for promo in promos])
        programme = msgspec.structs.replace(programme, settings=msgspec.structs.replace(programme.settings, **settings))
        self.catalogue = committed(programme)
        self.desk = Desk(self.catalogue)

    async def pay(self, who: str, *amounts: int, occurred_at: Any = None) -> LoggedCommand:
        """A purchase of lines that cost so much; of one amount without lines."""
        items = tuple(Item(product=f"P{n}", amount_minor=amount) for n, amount in enumerate(amounts))
        fact = Purchase(amount_minor=sum(amounts), items=items if len(items) > 1 else None, occurred_at=occurred_at)
        command = self.desk.log(who, fact)
        await self.desk.decide_all()
        return command

    async def give_back(self, who: str, bought: LoggedCommand, *lines: int) -> Outcome:
        """Return these lines of a purchase, or all of it."""
        parts = tuple(ReturnedPart(fact=0, line=line) for line in lines)
        return await self.move(
            Reverse(dialect=Dialect.NATIVE, action="", identity=identity_of(who), target=bought.ticket, parts=parts)
        )

    async def send(self, who: str, to: str, amount: int, asset: str = "LD") -> Outcome:
        """Send units to another member."""
        return await self.move(
            Transfer(
                dialect=Dialect.NATIVE,
                action="",
                identity=identity_of(who),
                asset=asset,
                amount=amount,
                to=identity_of(to),
            )
        )

    async def merge(self, who: str, into: str) -> Outcome:
        """Make a member part of another one."""
        return await self.move(
            Merge(dialect=Dialect.NATIVE, action="", identity=identity_of(who), into=identity_of(into))
        )

    async def refund(self, who: str, taken: LoggedCommand) -> Outcome:
        """Ask for what a command cost."""
        return await self.move(
            Refund(dialect=Dialect.NATIVE, action="", identity=identity_of(who), target=taken.ticket)
        )

    async def move(self, command: Any) -> Outcome:
        """A movement, decided."""
        logged = self.desk.log_command(command)
        await self.desk.decide_all()
        return self.desk.books.outcome(logged)

    def won(self, command: LoggedCommand) -> list[tuple[int, int]]:
        """What a command was awarded, as (asset, amount)."""
        return [(award.asset_id, award.amount) for award in self.desk.books.outcome(command).awards]

    def reasons(self, command: LoggedCommand) -> list[str]:
        """Why a command got nothing."""
        return [declined.reason for declined in self.desk.books.outcome(command).declines]

    def has(self, who: str, asset: int = LD, role: Role = Role.MEMBER) -> int:
        """A balance."""
        return self.desk.books.balance(who, asset, role)

    @property
    def left(self) -> int:
        """What is left of the stock of GOLD, which is the only stock."""
        ((_, left),) = self.desk.books.stocks.items()
        return left


def as_member(who: str) -> Identity:
    """A member by their id."""
    return Identity(MEMBER_KIND, member_of(who).hex())
