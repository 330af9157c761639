"""Random referrals and referred purchases, in random batches, against a plain model of who brought whom and who is paid."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.domain.commands import LoggedCommand, decode_command
from accrual.domain.facts import Referral, ReferralPurchase
from accrual.domain.ids import bucket_of
from accrual.domain.outcomes import Outcome
from accrual.domain.referrals import Claim, links_of
from tests.desk import PROGRAMME, Desk, catalogue_of, identity_of, member_of, promo_of

NAMES = ("ann", "bob", "eve", "joe", "kim", "lea")
CAP = 3
COMES, BRINGS, BUYS = 2, 3, 1
UP = {1: 7, 2: 5, 3: 4}
PROMOS = (
    promo_of(code="COMES", trigger="referral", benefits=[{"asset": "PTS", "fixed": COMES}]),
    promo_of(
        code="BRINGS",
        trigger="referral",
        limits=[{"count": CAP}],
        benefits=[{"asset": "PTS", "fixed": BRINGS, "to": "referrer"}],
    ),
    promo_of(
        code="BUYS",
        trigger="referral_purchase",
        benefits=[
            {"asset": "PTS", "fixed": BUYS},
            *({"asset": "PTS", "fixed": units, "to": "referrer", "level": level} for level, units in UP.items()),
        ],
    ),
)

who = st.sampled_from(NAMES)
referral = st.tuples(st.just("refer"), who, st.none() | who)
purchase = st.tuples(st.just("buy"), who, st.none() | who)
steps = st.lists(st.lists(referral, min_size=1, max_size=6) | st.lists(purchase, min_size=1, max_size=1), max_size=12)


@dataclass
class Model:
    """Who brought whom, who was brought by nobody named, whose referral was tried, and what everybody has."""

    referrer_of: dict[str, str] = field(default_factory=dict)
    by_nobody: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    has: Counter[str] = field(default_factory=Counter)
    brought: Counter[str] = field(default_factory=Counter)

    def here(self, name: str, by: str | None) -> str:
        """What the member's own lane says before the links are asked."""
        if name in self.referrer_of or name in self.by_nobody:
            return "already_referred"
        return "self_referral" if name == by else ""

    def decide(self, name: str, by: str | None) -> str:
        """What the links say, and what it earns."""
        self.tried.add(name)
        if name in self.referrer_of or name in self.by_nobody:
            return "already_referred"
        if by is not None and name in self.line_of(by):
            return "referral_cycle"
        self.has[name] += COMES
        if by is None:
            self.by_nobody.add(name)
            return ""
        self.referrer_of[name] = by
        self.brought[by] += 1
        self.has[by] += BRINGS if self.brought[by] <= CAP else 0
        return ""

    def line_of(self, name: str) -> list[str]:
        """A member and all above."""
        line = [name]
        while line[-1] in self.referrer_of:
            line.append(self.referrer_of[line[-1]])
        return line

    def buy(self, name: str, named: str | None) -> None:
        first = self.referrer_of.get(name)
        if first is None:
            if name == named:
                return
            first = None if name in self.tried - self.by_nobody else named
        self.has[name] += BUYS
        for level, above in enumerate([] if first is None else self.line_of(first), 1):
            if above == name or level > max(UP):
                break
            self.has[above] += UP[level]


@settings(max_examples=150, deadline=None)
@given(steps=steps, rows_max=st.sampled_from((1, 2, 100)), forgetful=st.booleans())
async def test_links_and_awards_are_those_of_a_plain_model(
    steps: list[list[tuple[str, str, str | None]]], rows_max: int, forgetful: bool
) -> None:
    at, model = Desk(catalogue_of(PROMOS)), Model()
    seen = 0
    for step in steps:
        if forgetful:
            at.forget()
        known = {name: model.here(name, by) for _, name, by in step}
        for what, name, by in step:
            sharer = None if by is None else identity_of(by)
            at.log(name, Referral(referrer=sharer) if what == "refer" else ReferralPurchase(referrer=sharer))
        await at.decide_all(rows_max)
        if step[0][0] == "buy":
            model.buy(*step[0][1:])
        claims = _claims(at)
        for name, by, outcome in claims[seen:]:
            assert known[name] != "already_referred", "whoever was brought before is not asked for again"
            said = model.decide(name, by)
            assert [decline.reason for decline in outcome.declines] == ([said] if said else [])
        seen = len(claims)
    stored = {name: at.books.people[member_of(name)].referrer for name in NAMES if member_of(name) in at.books.people}
    assert {name: by.value for name, by in stored.items() if by is not None} == model.referrer_of
    assert {name: at.books.balance(name) for name in NAMES if at.books.balance(name)} == +model.has


def _claims(at: Desk) -> list[tuple[str, str | None, Outcome]]:
    """(who, by whom, outcome) of the referrals that came to the links, in their order."""
    links = links_of(PROGRAMME)
    log: list[LoggedCommand] = at.books.log.get(bucket_of(bytes.fromhex(links.value), at.books.buckets), [])
    found = []
    for command in log:
        claim = decode_command(command.facts)
        if isinstance(claim, Claim) and isinstance(claim.facts[0], Referral) and claim.facts[0].referred is None:
            referrer = claim.facts[0].referrer
            by = None if referrer is None else referrer.value
            found.append((claim.member.value, by, at.books.outcome(command)))
    return found
