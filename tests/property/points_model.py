"""What happens to points through their whole life, told once more in plain Python. It shares no code with the package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

Place = tuple[int, int]
"""(bucket, position) of a command in the log."""
Origin = tuple[int, int, int]
"""Where a lot was first made: bucket, position, and the how-manieth new lot of that command it was."""
NEVER = datetime.max.replace(tzinfo=UTC)
ASSETS = ("PTS", "LD")
PROMOS: list[dict[str, Any]] = [
    {"code": "BASE", "trigger": "purchase",
     "benefits": [{"asset": "PTS", "points_per": {"every": "10 IDR"}, "expires": "P30D"}]},
    {"code": "FRIEND", "trigger": "referral_purchase",
     "benefits": [{"asset": "PTS", "points_per": {"every": "20 IDR"}, "expires": "P20D", "to": "referrer"}]},
    {"code": "LATER", "trigger": "product_purchase",
     "benefits": [{"asset": "PTS", "fixed": 7, "active_after": "P3D", "expires": "P10D"}]},
    {"code": "STAMP", "trigger": "purchase", "limits": [{"count": 3, "every": "month"}],
     "benefits": [{"asset": "LD", "fixed": 3}]},
]  # fmt: skip
LEVELS = {"basic": (Fraction(1), 0), "gold": (Fraction(1, 2), 15)}
"""Units that one whole of money costs, and from which balance on."""
LEVELS_WRITTEN = [{"code": "basic"}, {"code": "gold", "threshold": 10**9, "redeem": "0.5", "redeem_from": 15}]
GRACE = timedelta(days=30)
RETURN_WAIT = timedelta(days=7)


@dataclass(frozen=True)
class Fact:
    """`paid`, `bought` (a product) or `paid thanks` (to somebody); `items` are (quantity, amount in minor units)."""

    kind: str
    at: datetime | None
    amount: int = 0
    items: tuple[tuple[int, int], ...] = ()
    other: str = ""


@dataclass(frozen=True)
class Parcel:
    """Units on their way to another member; `sort` is `open`, `pending` or `debt`."""

    asset: str
    units: int
    expires: datetime | None = None
    active: datetime | None = None
    origin: Origin | None = None
    sort: str = "open"


@dataclass(frozen=True)
class Ask:
    """One command in the name of a member: `kind` says which, the rest what it needs."""

    kind: str
    who: str
    asset: str = ""
    amount: int | None = None
    value: int | None = None
    facts: tuple[Fact, ...] = ()
    target: bytes = b""
    parts: tuple[tuple[int, int | None, int | None], ...] = ()
    other: str = ""
    lasts: timedelta | None = None
    delay: timedelta | None = None
    until: datetime | None = None
    below_zero: bool = False
    parcels: tuple[Parcel, ...] = ()
    level: str = "basic"
    returned: bool = False
    followed: bool = False
    first_at: datetime | None = None
    stands_for: tuple[bytes, ...] = ()


@dataclass
class Answer:
    """How it ended: `decided`, `forwarded` or `parked`; why not; what it makes happen elsewhere."""

    status: str = "decided"
    declines: list[str] = field(default_factory=list)
    follow_ups: list[Ask] = field(default_factory=list)


@dataclass
class Lot:
    origin: Origin
    left: int
    expires: datetime | None = None
    active: datetime | None = None


@dataclass
class Wallet:
    """What a member has of one asset."""

    lots: list[Lot] = field(default_factory=list)
    pending: list[Lot] = field(default_factory=list)
    held: int = 0
    debt: int = 0

    @property
    def posted(self) -> int:
        return sum(lot.left for lot in self.lots)

    @property
    def available(self) -> int:
        return self.posted - self.held

    def ordered(self) -> list[Lot]:
        """Soonest to expire, then oldest, then by id; never last."""
        return sorted(
            (lot for lot in self.lots if lot.left),
            key=lambda lot: (lot.expires or NEVER, lot.origin[1], lot.origin[0], lot.origin[2]),
        )

    def take(self, units: int, lots: Iterable[Lot] | None = None) -> list[tuple[int, Origin, datetime | None]]:
        taken = []
        for lot in list(self.ordered() if lots is None else lots):
            here = min(lot.left, units)
            if here > 0:
                lot.left -= here
                units -= here
                taken.append((here, lot.origin, lot.expires))
        self.lots = [lot for lot in self.lots if lot.left]
        return taken

    def settle(self, lots: list[Lot] | None = None) -> None:
        owed = min(self.debt, self.available)
        if owed > 0:
            self.debt -= sum(units for units, _, _ in self.take(owed, lots))


@dataclass
class Award:
    promo: str
    asset: str
    units: int
    origin: Origin
    shares: dict[tuple[int, int], int]
    from_lots: int = 0
    otherwise: int = 0
    reported: int = 0
    back: Counter[tuple[int, int]] = field(default_factory=Counter)

    @property
    def left(self) -> int:
        return self.units - self.from_lots - self.otherwise - self.reported


@dataclass
class Done:
    """A decided command, as later ones look back on it."""

    who: str
    ask: Ask
    asset: str = ""
    at: datetime = NEVER
    factor: Fraction | None = None
    lots: list[tuple[int, Origin, datetime | None]] = field(default_factory=list)
    given_back: int = 0
    awards: list[Award] = field(default_factory=list)
    returned: Counter[tuple[int, int]] = field(default_factory=Counter)
    children: list[tuple[bytes, Ask]] = field(default_factory=list)


@dataclass
class SetAside:
    who: str
    asset: str
    units: int
    expires: datetime | None
    over: bool = False


@dataclass
class PointsModel:
    """Everybody's points. `open`: whoever does anything becomes a member. `after_spent` as in a programme file."""

    open: bool = True
    after_spent: str = "debt"
    members: set[str] = field(default_factory=set)
    merged: dict[str, str] = field(default_factory=dict)
    level: dict[str, str] = field(default_factory=dict)
    wallets: dict[tuple[str, str], Wallet] = field(default_factory=dict)
    expired: Counter[Origin] = field(default_factory=Counter)
    decided: set[bytes] = field(default_factory=set)
    done: dict[bytes, Done] = field(default_factory=dict)
    stamps: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    holds: dict[bytes, SetAside] = field(default_factory=dict)
    waiting: dict[tuple[str, bytes], list[tuple[bytes, Ask]]] = field(default_factory=dict)
    now: datetime = NEVER
    place: Place = (0, 0)
    made: int = 0

    def decide(self, ask: Ask, ticket: bytes, place: Place, now: datetime) -> Answer:
        """What the command at this place of the log does."""
        self.now, self.place, self.made = now, place, 0
        tickets = (ticket, *ask.stands_for)
        into = self.merged.get(ask.who)
        if into is not None and not (ask.kind == "absorb" and ask.other == ask.who):
            followed = ask.followed or ask.kind in ("reward", "reverse")
            onward = replace(ask, who=into, followed=followed, stands_for=tickets)
            return Answer("forwarded", follow_ups=[onward, *self._wake(ask.who, tickets)])
        self.decided.update(tickets)
        answer = Answer()
        if ask.who not in self.members and not self._may_enter(ask):
            answer.declines.append("member_unknown")
            if ask.kind == "receive":
                answer.follow_ups.append(replace(ask, who=ask.other, returned=True))
            if ask.kind == "reward":
                self._remember(tickets, Done(ask.who, ask))
                answer.follow_ups.extend(self._wake(ask.who, tickets))
            return answer
        getattr(self, "_" + ask.kind)(ask, tickets, answer)
        return answer

    def children(self, ticket: bytes, follow_ups: Sequence[tuple[bytes, Ask]]) -> None:
        """What became of a decided command: the commands it made, with their tickets."""
        if ticket in self.done:
            self.done[ticket].children = list(follow_ups)

    def wallet(self, who: str, asset: str) -> Wallet:
        return self.wallets.setdefault((who, asset), Wallet())

    def _may_enter(self, ask: Ask) -> bool:
        if ask.kind in ("merge", "absorb") or ask.returned:
            return True
        if ask.kind == "reward" and any(fact.kind == "registered" for fact in ask.facts):
            return True
        first_sight = ask.kind in ("reward", "grant", "reverse", "receive", "profile")
        return self.open and (first_sight or (ask.kind == "adjust" and (ask.amount or 0) > 0))

    def _remember(self, tickets: Sequence[bytes], done: Done) -> None:
        for ticket in tickets:
            self.done[ticket] = done

    def _wake(self, who: str, tickets: Sequence[bytes]) -> list[Ask]:
        waiting = [row for ticket in tickets[:1] for row in self.waiting.get((who, ticket), [])]
        return [Ask("resume", who, target=ticket) for ticket, _ in waiting]

    # Time.

    def _bring_up(self, who: str, asset: str, until: datetime | None = None) -> Wallet:
        wallet = self.wallet(who, asset)
        moment = self.now if until is None else max(self.now, until)
        self._start(wallet, moment)
        self._end(wallet, moment)
        return wallet

    def _start(self, wallet: Wallet, moment: datetime) -> None:
        due = [lot for lot in wallet.pending if (lot.active or NEVER) <= moment]
        for lot in sorted(due, key=lambda lot: (lot.active or NEVER, lot.origin[1], lot.origin[0], lot.origin[2])):
            wallet.pending.remove(lot)
            lot.active = None
            wallet.lots.append(lot)
            if lot.expires is None or lot.expires > moment:
                wallet.settle([lot])

    def _end(self, wallet: Wallet, moment: datetime) -> None:
        due = [lot for lot in wallet.ordered() if lot.expires is not None and lot.expires <= moment]
        for units, origin, _ in wallet.take(wallet.available, due):
            self.expired[origin] += units

    def _credit(
        self,
        wallet: Wallet,
        units: int,
        expires: datetime | None = None,
        active: datetime | None = None,
        origin: Origin | None = None,
    ) -> Origin:
        if origin is None:
            origin = (*self.place, self.made)
            self.made += 1
        lot = Lot(origin, units, expires, active)
        if active is not None and active > self.now:
            wallet.pending.append(lot)
            return origin
        lot.active = None
        wallet.lots.append(lot)
        if expires is not None and expires <= self.now:
            wallet.take(units, [lot])
            self.expired[origin] += units
        else:
            wallet.settle([lot])
        return origin

    # What promos give.

    def _reward(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        self.members.add(ask.who)
        done = Done(ask.who, ask, at=self.now)
        self._remember(tickets, done)
        paid = [n for n, fact in enumerate(ask.facts) if fact.kind == "paid"]
        bought = [n for n, fact in enumerate(ask.facts) if fact.kind == "bought"]
        thanked = [n for n, fact in enumerate(ask.facts) if fact.kind == "thanked"]
        if paid:
            units = sum(ask.facts[n].amount for n in paid) // 1000
            self._give(done, "BASE", "PTS", units, paid, timedelta(days=30), answer)
        if thanked:
            units = sum(ask.facts[n].amount for n in thanked) // 2000
            self._give(done, "FRIEND", "PTS", units, thanked, timedelta(days=20), answer)
        if bought:
            self._give(done, "LATER", "PTS", 7, bought, timedelta(days=10), answer, timedelta(days=3))
        if paid and self.stamps[self._month(done)] >= 3:
            answer.declines.append("limit_reached")
        elif paid:
            self.stamps[self._month(done)] += 1
            self._give(done, "STAMP", "LD", 3, paid, None, answer)
        others: dict[str, list[Fact]] = {}
        for fact in ask.facts:
            if fact.kind == "paid thanks":
                others.setdefault(fact.other, []).append(replace(fact, kind="thanked", at=fact.at or self.now))
        for other, facts in others.items():
            answer.follow_ups.append(Ask("reward", other, facts=tuple(facts), followed=True))
        answer.follow_ups.extend(self._wake(ask.who, tickets))

    def _month(self, done: Done) -> tuple[str, int, int]:
        """Whose, and the month of the first payment in Jakarta, which has been seven hours ahead as long as this reaches."""
        first = next(fact for fact in done.ask.facts if fact.kind == "paid")
        local = (first.at or done.at) + timedelta(hours=7)
        return done.who, local.year, local.month

    def _give(
        self,
        done: Done,
        promo: str,
        asset: str,
        units: int,
        places: Sequence[int],
        lasts: timedelta | None,
        answer: Answer,
        delay: timedelta = timedelta(0),
    ) -> None:
        if units <= 0:
            answer.declines.append("amount_too_small")
            return
        facts = done.ask.facts
        start = (facts[places[0]].at or self.now) + delay
        expires = None if lasts is None else start + lasts
        origin = self._credit(self.wallet(done.who, asset), units, expires, start)
        done.awards.append(Award(promo, asset, units, origin, _shares(facts, places, units)))

    # Spending.

    def _redeem(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        wallet = self._bring_up(ask.who, ask.asset)
        factor, threshold = LEVELS[self.level.get(ask.who, "basic")]
        units = ask.amount or 0
        if ask.value is not None:
            units = _ceil(Fraction(ask.value, 100) * factor)
        if units <= 0:
            answer.declines.append("amount_too_small")
        elif wallet.posted < threshold:
            answer.declines.append("below_threshold")
        elif wallet.available < units:
            answer.declines.append("insufficient_points")
        else:
            told = None if ask.value is None else factor
            self._remember(tickets, Done(ask.who, ask, ask.asset, factor=told, lots=wallet.take(units)))

    def _refund(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        done = self.done.get(ask.target)
        if done is None or not done.lots or self._today(done.who) != ask.who:
            answer.declines.append("redemption_unknown")
            return
        left = sum(units for units, _, _ in done.lots) - done.given_back
        units = left if ask.amount is None else ask.amount
        if ask.value is not None:
            units = _ceil(Fraction(ask.value, 100) * (done.factor or LEVELS[self.level.get(ask.who, "basic")][0]))
        if left <= 0:
            answer.declines.append("already_refunded")
        elif units > left:
            answer.declines.append("more_than_taken")
        elif units <= 0:
            answer.declines.append("amount_too_small")
        else:
            wallet = self._bring_up(ask.who, done.asset)
            for here, origin, expires in _slice_from_the_end(done.lots, done.given_back, units):
                over = expires is not None and expires <= self.now
                self._credit(wallet, here, self.now + GRACE if over else expires, origin=origin)
            done.given_back += units

    def _today(self, who: str) -> str:
        while who in self.merged:
            who = self.merged[who]
        return who

    # Returns.

    def _resume(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        raise AssertionError("whoever plays the model asks what was put aside")

    def _reverse(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        done = self.done.get(ask.target)
        if done is None and ask.target not in self.decided:
            first_at = ask.first_at or self.now
            if ask.followed or self.now >= first_at + RETURN_WAIT:
                answer.declines.append("purchase_unknown")
                return
            self.members.add(ask.who)
            answer.status = "parked"
            if ask.first_at is None:
                self.waiting.setdefault((ask.who, ask.target), []).append((tickets[0], replace(ask, first_at=first_at)))
            return
        if done is None or done.ask.kind != "reward" or self._today(done.who) != ask.who:
            answer.declines.append("purchase_unknown")
            return
        named = self._named(ask, done, answer)
        if named is None:
            return
        wanted, nothing_left = self._wanted(done, named, whole=not ask.parts)
        for asset in sorted({award.asset for award in done.awards}, key=ASSETS.index):
            self._bring_up(ask.who, asset)
        if nothing_left:
            answer.declines.append("already_returned")
        else:
            for place, _, back in named:
                done.returned[place] = back
            for award, units in zip(done.awards, wanted, strict=True):
                self._take_back(ask.who, award, units)
                if units and not award.left and award.promo == "STAMP" and done.who == ask.who:
                    self.stamps[self._month(done)] -= 1
        for ticket, child in done.children:
            if child.kind == "reward":
                parts = ask.parts if not ask.parts else tuple(self._mapped(ask, done, child))
                if parts or not ask.parts:
                    answer.follow_ups.append(Ask("reverse", child.who, target=ticket, parts=parts, followed=True))

    def _named(self, ask: Ask, done: Done, answer: Answer) -> list[tuple[tuple[int, int], int, int]] | None:
        """(place, quantity bought, quantity that will have come back) of what is named; None when that is wrong."""
        found: list[tuple[tuple[int, int], int, int]] = []
        returned = Counter(done.returned)
        for fact, line, quantity in ask.parts:
            items = done.ask.facts[fact].items if 0 <= fact < len(done.ask.facts) else None
            if items is None or (line is not None and not 0 <= line < len(items)):
                answer.declines.append("part_unknown")
                return None
            for here in (range(len(items)) or (-1,)) if line is None else (line,):
                bought = items[here][0] if here >= 0 else 1
                back = bought if quantity is None else returned[fact, here] + quantity
                if back > bought or (quantity is not None and quantity <= 0):
                    answer.declines.append("more_than_bought")
                    return None
                returned[fact, here] = back
                found.append(((fact, here), bought, back))
        return found

    def _wanted(
        self, done: Done, named: list[tuple[tuple[int, int], int, int]], *, whole: bool
    ) -> tuple[list[int], bool]:
        """Units to take back of each award; whether all that was earned by what is named came back before."""
        if whole:
            left = [award.left for award in done.awards]
            return left, bool(left) and not any(left)
        earned = still = False
        wanted = []
        new_back: list[dict[tuple[int, int], int]] = []
        for award in done.awards:
            units, after = 0, {}
            for place, bought, back in named:
                share = award.shares.get(place, 0)
                earned = earned or share > 0
                still = still or (award.left > 0 and share > award.back[place])
                due = share * back // max(bought, 1)
                before = after.get(place, award.back[place])
                if due > before:
                    units += due - before
                    after[place] = due
            wanted.append(min(units, award.left))
            new_back.append(after)
        if earned and not still:
            return wanted, True
        for award, after in zip(done.awards, new_back, strict=True):
            award.back.update({place: due - award.back[place] for place, due in after.items()})
        return wanted, False

    def _take_back(self, who: str, award: Award, units: int) -> None:
        wallet = self.wallet(who, award.asset)
        mine = [lot for lot in wallet.pending if lot.origin == award.origin]
        here = [lot for lot in wallet.ordered() if lot.origin == award.origin]
        still = sum(lot.left for lot in mine + here)
        gone = award.units - still - self.expired[award.origin] - award.from_lots - award.otherwise
        from_pending = min(units, sum(lot.left for lot in mine))
        rest = from_pending
        for lot in sorted(mine, key=lambda lot: lot.active or NEVER):
            taken = min(lot.left, rest)
            lot.left -= taken
            rest -= taken
        wallet.pending = [lot for lot in wallet.pending if lot.left]
        from_lots = sum(n for n, _, _ in wallet.take(max(0, min(units - from_pending, wallet.available)), here))
        units -= from_pending + from_lots
        spent = min(units, max(0, gone) + still - from_pending - from_lots)
        if self.after_spent != "none":
            paid = sum(n for n, _, _ in wallet.take(max(0, min(spent, wallet.available))))
            if self.after_spent == "debt":
                wallet.debt += spent - paid
        award.from_lots += from_pending + from_lots
        award.otherwise += spent
        award.reported += units - spent

    def _mapped(self, ask: Ask, done: Done, child: Ask) -> Iterable[tuple[int, int | None, int | None]]:
        thanks = [n for n, fact in enumerate(done.ask.facts) if fact.kind == "paid thanks" and fact.other == child.who]
        for fact, line, quantity in ask.parts:
            if fact in thanks:
                yield thanks.index(fact), line, quantity

    # Setting aside.

    def _hold(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        wallet = self._bring_up(ask.who, ask.asset)
        units = ask.amount or 0
        if ask.until is not None and ask.until <= self.now:
            answer.declines.append("hold_expired")
        elif units <= 0:
            answer.declines.append("amount_too_small")
        elif wallet.available < units:
            answer.declines.append("insufficient_points")
        else:
            wallet.held += units
            hold = SetAside(ask.who, ask.asset, units, ask.until)
            for ticket in tickets:
                self.holds[ticket] = hold

    def _free(self, hold: SetAside) -> Wallet:
        wallet = self._bring_up(hold.who, hold.asset)
        wallet.held -= hold.units
        hold.over = True
        return wallet

    def _capture(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        hold = self.holds.get(ask.target)
        if hold is None or hold.who != ask.who:
            answer.declines.append("hold_unknown")
        elif hold.over:
            answer.declines.append("hold_resolved")
        elif hold.expires is not None and hold.expires <= self.now:
            answer.declines.append("hold_expired")
            wallet = self._free(hold)
            self._end(wallet, self.now)
            wallet.settle()
        else:
            units = hold.units if ask.amount is None else ask.amount
            if units > hold.units:
                answer.declines.append("more_than_held")
            elif units <= 0:
                answer.declines.append("amount_too_small")
            else:
                wallet = self._free(hold)
                self._remember(tickets, Done(ask.who, ask, hold.asset, lots=wallet.take(units)))
                self._end(wallet, self.now)
                wallet.settle()

    def _release(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        hold = self.holds.get(ask.target)
        if hold is None or hold.who != ask.who:
            answer.declines.append("hold_unknown")
        elif hold.over:
            answer.declines.append("hold_resolved")
        else:
            wallet = self._free(hold)
            self._end(wallet, self.now)
            wallet.settle()

    # By a person's word, by the calendar.

    def _grant(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        if (ask.amount or 0) <= 0:
            answer.declines.append("amount_too_small")
            return
        self.members.add(ask.who)
        wallet = self._bring_up(ask.who, ask.asset)
        start = (ask.until or self.now) + (ask.delay or timedelta(0))
        self._credit(wallet, ask.amount or 0, None if ask.lasts is None else start + ask.lasts, start)

    def _adjust(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        units = ask.amount or 0
        if units > 0:
            self.members.add(ask.who)
        wallet = self._bring_up(ask.who, ask.asset)
        if units > 0:
            self._credit(wallet, units, None if ask.lasts is None else self.now + ask.lasts)
        elif units == 0:
            answer.declines.append("amount_too_small")
        elif ask.below_zero or wallet.available >= -units:
            taken = sum(n for n, _, _ in wallet.take(min(-units, wallet.available)))
            wallet.debt += -units - taken
        else:
            answer.declines.append("insufficient_points")

    def _activate(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        for asset in [ask.asset] if ask.asset else ASSETS:
            self._start(self.wallet(ask.who, asset), max(self.now, ask.until or self.now))

    def _expire(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        for asset in [ask.asset] if ask.asset else ASSETS:
            self._bring_up(ask.who, asset, ask.until)

    def _profile(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        self.members.add(ask.who)
        self.level[ask.who] = ask.other

    # To others.

    def _transfer(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        wallet = self._bring_up(ask.who, ask.asset)
        units = ask.amount or 0
        if ask.other == ask.who:
            answer.declines.append("self_transfer")
        elif units <= 0:
            answer.declines.append("amount_too_small")
        elif wallet.available < units:
            answer.declines.append("insufficient_points")
        else:
            by_expiry: dict[datetime | None, int] = {}
            for here, _, expires in wallet.take(units):
                by_expiry[expires] = by_expiry.get(expires, 0) + here
            parcels = tuple(Parcel(ask.asset, here, expires) for expires, here in by_expiry.items())
            answer.follow_ups.append(Ask("receive", ask.other, ask.asset, other=ask.who, parcels=parcels))

    def _receive(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        self.members.add(ask.who)
        wallet = self._bring_up(ask.who, ask.asset)
        for parcel in ask.parcels:
            self._credit(wallet, parcel.units, parcel.expires)

    def _merge(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        if ask.other == ask.who:
            answer.declines.append("self_merge")
            return
        if any(self.wallet(ask.who, asset).held for asset in ASSETS):
            answer.declines.append("holds_open")
            return
        self.members.add(ask.who)
        parcels = []
        for asset in ASSETS:
            wallet = self._bring_up(ask.who, asset)
            parcels += [Parcel(asset, lot.left, lot.expires, None, lot.origin) for lot in wallet.ordered()]
            parcels += [
                Parcel(asset, lot.left, lot.expires, lot.active, lot.origin, "pending") for lot in wallet.pending
            ]
            parcels += [Parcel(asset, wallet.debt, sort="debt")] if wallet.debt else []
            self.wallets[ask.who, asset] = Wallet()
        self.merged[ask.who] = ask.other
        level = self.level.get(ask.who, "basic")
        answer.follow_ups.append(Ask("absorb", ask.other, other=ask.who, parcels=tuple(parcels), level=level))

    def _absorb(self, ask: Ask, tickets: Sequence[bytes], answer: Answer) -> None:
        self.members.add(ask.who)
        if ask.other == ask.who:
            self.merged.pop(ask.who, None)
        if ask.level == "gold":  # the higher level of both stays
            self.level[ask.who] = "gold"
        for asset in ASSETS:
            parcels = [parcel for parcel in ask.parcels if parcel.asset == asset]
            if not parcels:
                continue
            wallet = self._bring_up(ask.who, asset)
            for parcel in parcels:
                if parcel.sort == "debt":
                    wallet.debt += parcel.units
                else:
                    self._credit(wallet, parcel.units, parcel.expires, parcel.active, parcel.origin)
            wallet.settle()


def _ceil(exact: Fraction) -> int:
    return -((-exact.numerator) // exact.denominator)


def _shares(facts: Sequence[Fact], places: Sequence[int], units: int) -> dict[tuple[int, int], int]:
    """Which line, or fact without lines, an award belongs to: by what they cost, the largest remainder first."""
    lines = [(n, line, amount, quantity) for n in places for line, (quantity, amount) in enumerate(facts[n].items)]
    if not lines:
        lines = [(n, -1, facts[n].amount, 1) for n in places]
    weights = [cost for _, _, cost, _ in lines]
    if not any(weights):
        weights = [max(quantity, 1) for _, _, _, quantity in lines]
    exact = [Fraction(units * weight, sum(weights)) for weight in weights]
    parts = [int(share) for share in exact]
    by_rest = sorted(range(len(lines)), key=lambda n: (parts[n] - exact[n], n))
    for n in by_rest[: units - sum(parts)]:
        parts[n] += 1
    return {line[:2]: part for line, part in zip(lines, parts, strict=True)}


def _slice_from_the_end(
    lots: Sequence[tuple[int, Origin, datetime | None]], skip: int, units: int
) -> Iterable[tuple[int, Origin, datetime | None]]:
    """So many units of these lots, last taken first, without the `skip` that went before."""
    each = [(origin, expires) for here, origin, expires in lots for _ in range(here)][::-1][skip : skip + units]
    runs: list[list[Any]] = []
    for lot in each:
        if runs and runs[-1][1] == lot:
            runs[-1][0] += 1
        else:
            runs.append([1, lot])
    return [(here, *lot) for here, lot in runs]
