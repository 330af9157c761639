"""What a small programme gives, told once more in plain Python. It shares no code with the package, on purpose."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

PROMOS: list[dict[str, Any]] = [
    {
        "code": "DAILY",
        "trigger": "check_in",
        "limits": [{"count": 3, "every": "week"}],
        "benefits": [{"asset": "LD", "fixed": 1}],
    },
    {"code": "FRIEND", "trigger": "referral_purchase", "benefits": [{"asset": "PTS", "percent": "2.5", "to": "referrer"}]},
    {"code": "INVITED", "trigger": "referral", "benefits": [{"asset": "PTS", "fixed": 2}]},
    {
        "code": "INVITER",
        "trigger": "referral",
        "limits": [{"count": 2}],
        "benefits": [{"asset": "PTS", "fixed": 3, "to": "referrer"}],
    },
    {
        "code": "PAID",
        "trigger": "purchase",
        "limits": [{"amount": 30, "every": "day"}, {"count": 5, "every": "month"}],
        "benefits": [{"asset": "PTS", "points_per": {"every": "10 IDR"}}],
    },
    {"code": "T30H", "trigger": "product_purchase", "where": {"products": ["T30H"]}, "benefits": [{"asset": "PTS", "fixed": 2}]},
    {"code": "WELCOME", "trigger": "registration", "benefits": [{"asset": "PTS", "fixed": 5}]},
]  # fmt: skip
"""In the order in which they give."""

Answer = tuple[list[tuple[str, str, int]], list[tuple[str, str]]]
"""Awards as (promo, asset, amount), declines as (promo or "", reason) in order of their letters."""


@dataclass(frozen=True)
class Deed:
    """One thing that a member did: `registers`, `pays`, `buys`, `checks in`, `is referred`, `pays thanks to`."""

    kind: str
    at: datetime
    amount: int = 0
    product: str = ""
    other: str = ""


@dataclass
class Model:
    """The programme's books as anybody would keep them on paper. `open`: whoever does anything becomes a member."""

    open: bool = True
    members: set[str] = field(default_factory=set)
    registered: set[str] = field(default_factory=set)
    referred: dict[str, str] = field(default_factory=dict)
    days: set[tuple[str, Any]] = field(default_factory=set)
    used: Counter[Any] = field(default_factory=Counter)
    balance: Counter[tuple[str, str]] = field(default_factory=Counter)

    def do(self, who: str, deeds: list[Deed]) -> list[tuple[str, Answer]]:
        """What a call gives whom: the member first, then everybody who gets something for having brought them."""
        if who not in self.members:
            if not self.open and not any(deed.kind == "registers" for deed in deeds):
                return [(who, ([], [("", "member_unknown")]))]
            self.members.add(who)
        kept: list[Deed] = []
        declines: list[tuple[str, str]] = []
        for deed in deeds:
            reason = self._why_not(who, deed)
            if reason and ("", reason) not in declines:
                declines.append(("", reason))
            if not reason or reason == "referrer_mismatch":
                kept.append(deed)
        answers = [(who, self._give(who, kept, declines))]
        others: dict[str, list[Deed]] = {}
        for deed in kept:
            if deed.kind in ("is referred", "pays thanks to"):
                other = self.referred.get(who) or deed.other
                if other:
                    others.setdefault(other, []).append(deed)
        for other, brought in others.items():
            if other not in self.members and not self.open:
                answers.append((other, ([], [("", "member_unknown")])))
                continue
            self.members.add(other)
            answers.append((other, self._give_referrer(other, brought)))
        return answers

    def _why_not(self, who: str, deed: Deed) -> str:
        link = self.referred.get(who)
        if deed.kind == "registers":
            if who in self.registered:
                return "already_registered"
            self.registered.add(who)
        elif deed.kind == "checks in":
            day = (who, _local(deed.at).date())
            if day in self.days:
                return "already_checked_in"
            self.days.add(day)
        elif deed.kind == "is referred":
            if link is not None:
                return "already_referred"
            if deed.other == who:
                return "self_referral"
            self.referred[who] = deed.other
        elif deed.kind == "pays thanks to":
            if link and deed.other and deed.other != link:
                return "referrer_mismatch"
            if not link and deed.other == who:
                return "self_referral"
        return ""

    def _give(self, who: str, kept: list[Deed], declines: list[tuple[str, str]]) -> Answer:
        awards: list[tuple[str, str, int]] = []
        check_ins = [deed for deed in kept if deed.kind == "checks in"]
        if check_ins:
            week = (who, "DAILY", _local(check_ins[0].at).isocalendar()[:2])
            if self.used[week] >= 3:
                declines.append(("DAILY", "limit_reached"))
            else:
                self.used[week] += 1
                awards.append(("DAILY", "LD", 1))
        if any(deed.kind == "is referred" for deed in kept):
            awards.append(("INVITED", "PTS", 2))
        paid = [deed for deed in kept if deed.kind == "pays"]
        if paid:
            self._give_for_paying(who, paid, awards, declines)
        if any(deed.kind == "buys" and deed.product == "T30H" for deed in kept):
            awards.append(("T30H", "PTS", 2))
        if any(deed.kind == "registers" for deed in kept):
            awards.append(("WELCOME", "PTS", 5))
        return self._booked(who, awards, declines)

    def _give_for_paying(
        self, who: str, paid: list[Deed], awards: list[tuple[str, str, int]], declines: list[tuple[str, str]]
    ) -> None:
        local = _local(paid[0].at)
        day, month = (who, "PAID", local.date()), (who, "PAID", local.year, local.month)
        points = sum(deed.amount for deed in paid) // 1000
        if self.used[day] >= 30 or self.used[month] >= 5:
            declines.append(("PAID", "limit_reached"))
        elif points == 0:
            declines.append(("PAID", "amount_too_small"))
        else:
            points = min(points, 30 - self.used[day])
            self.used[day] += points
            self.used[month] += 1
            awards.append(("PAID", "PTS", points))

    def _give_referrer(self, who: str, brought: list[Deed]) -> Answer:
        awards: list[tuple[str, str, int]] = []
        declines: list[tuple[str, str]] = []
        paid = [deed for deed in brought if deed.kind == "pays thanks to"]
        if paid:
            points = sum(deed.amount for deed in paid) * 25 // 100_000
            if points:
                awards.append(("FRIEND", "PTS", points))
            else:
                declines.append(("FRIEND", "amount_too_small"))
        if any(deed.kind == "is referred" for deed in brought):
            if self.used[who, "INVITER"] >= 2:
                declines.append(("INVITER", "limit_reached"))
            else:
                self.used[who, "INVITER"] += 1
                awards.append(("INVITER", "PTS", 3))
        return self._booked(who, awards, declines)

    def _booked(self, who: str, awards: list[tuple[str, str, int]], declines: list[tuple[str, str]]) -> Answer:
        for _, asset, amount in awards:
            self.balance[who, asset] += amount
        return awards, sorted(declines)


def _local(at: datetime) -> datetime:
    """Jakarta has been seven hours ahead all year round for as long as these dates reach."""
    return at + timedelta(hours=7)
