"""What GetWalletData tells: totals, tier, what expires next, the newest transactions. Pure; nothing is looked up here."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from accrual.api.dialects.dsquares import decimals
from accrual.api.dialects.dsquares.decimals import Decimal
from accrual.api.dialects.dsquares.moments import with_offset
from accrual.api.dialects.dsquares.shown import segment_shown
from accrual.api.dialects.dsquares.terms import Terms
from accrual.domain.facts import Scalar
from accrual.domain.tiers import Level
from accrual.engine.views import AwardView, BookedView, MemberView, TicketView
from accrual.engine.wallets import Standing

OF_MONEY = frozenset({"points_per", "percent"})
"""Benefits whose basis is what was paid."""


class SegmentData(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The segment in short; `segment_points` are what must be earned to be in it."""

    id: Scalar | None
    name: str
    segment_points: int
    color: Scalar | None


class ParentData(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The wallet that this one became part of."""

    wallet_id: int
    wallet_code: str | None


class Transaction(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One accumulation or redemption; `points_value` is what it was worth in money."""

    points: int
    points_value: Decimal
    date: str
    merchant_name: str | None
    branch_name: str | None
    branch_msisdn: str | None
    comments: str | None


class WalletData(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A wallet now, fields in the order of the vendor's page; `reedemPoints` is spelt so there."""

    total_points: int
    total_value: Decimal
    life_time_points: int
    total_transactions: int
    reedem_points: int
    redeem_value: Decimal
    redeem_factor: Decimal
    tier_id: Scalar | None
    tier_name: str | None
    points_to_expire: int
    expiry_date: str | None
    segment: SegmentData | None
    parent_data: ParentData | None
    accumulation_transactions: tuple[Transaction, ...]
    redemption_transactions: tuple[Transaction, ...]


def data_of(
    view: MemberView, standing: Standing, terms: Terms, *, wallet: str, is_child: bool, parent_code: str | None
) -> WalletData:
    """What a wallet has now; that of the wallet it became part of where it was merged."""
    level = terms.level(view.profile)
    minor_units = terms.minor_units
    segment = segment_shown(terms, level)
    accumulated = tuple(found for ticket in view.history if (found := _accumulated(ticket, terms, level, wallet)))
    redeemed = tuple(found for ticket in view.history if (found := _redeemed(ticket, terms, level, wallet)))
    balance = next((each for each in view.balances if each.code == terms.asset.code), None)
    due = None if balance is None else balance.next_expiry
    return WalletData(
        total_points=standing.total,
        total_value=decimals.of_minor(decimals.worth_minor(standing.total, level.redeem, minor_units), minor_units),
        life_time_points=standing.total + standing.spent,
        total_transactions=len(accumulated) + len(redeemed),
        reedem_points=standing.spent,
        redeem_value=decimals.of_minor(decimals.worth_minor(standing.spent, level.redeem, minor_units), minor_units),
        redeem_factor=decimals.of_text(level.redeem),
        tier_id=None if segment is None else segment.id,
        tier_name=None if segment is None else segment.name,
        points_to_expire=0 if due is None else due.amount,
        expiry_date=None if due is None else due.date.isoformat(),
        segment=None
        if segment is None
        else SegmentData(id=segment.id, name=segment.name, segment_points=level.threshold, color=segment.color),
        parent_data=ParentData(wallet_id=standing.number, wallet_code=parent_code) if is_child else None,
        accumulation_transactions=accumulated,
        redemption_transactions=redeemed,
    )


def _accumulated(ticket: TicketView, terms: Terms, level: Level, wallet: str) -> Transaction | None:
    awards = [award for award in ticket.awards if award.code == terms.asset.code and award.recipient == ticket.identity]
    points = sum(award.amount for award in awards)
    if not points:
        return None
    return _transaction(ticket, terms, points, _paid_minor(awards, level, terms), f"Points accumulated to {wallet}")


def _redeemed(ticket: TicketView, terms: Terms, level: Level, wallet: str) -> Transaction | None:
    booked = [each for each in ticket.booked if each.kind == "redeem" and each.code == terms.asset.code]
    points = -sum(each.amount for each in booked)
    if not points:
        return None
    return _transaction(ticket, terms, points, _worth_minor(booked[0], level, terms), f"Points redeemed from {wallet}")


def _transaction(ticket: TicketView, terms: Terms, points: int, value_minor: int, words: str) -> Transaction:
    branch = ticket.fields.get("BranchMsisdn")
    outlet = None if branch is None else terms.branches.get(str(branch))
    settings = terms.catalogue.settings
    return Transaction(
        points=points,
        points_value=decimals.of_minor(value_minor, settings.minor_units),
        date=with_offset(ticket.occurred_at, ZoneInfo(settings.time_zone)),
        merchant_name=settings.name or None,
        branch_name=None if outlet is None else outlet.name or outlet.code,
        branch_msisdn=None if branch is None else str(branch),
        comments=str(ticket.fields.get("Comment") or words),
    )


def _paid_minor(awards: list[AwardView], level: Level, terms: Terms) -> int:
    """What was paid: what a promo computed from; else what so many points are earned with."""
    basis = [award.basis for award in awards if award.reason in OF_MONEY and award.basis is not None]
    points = sum(award.amount for award in awards)
    return max(basis) if basis else decimals.worth_minor(points, level.earn, terms.minor_units)


def _worth_minor(booked: BookedView, level: Level, terms: Terms) -> int:
    told = booked.details or {}
    if "value_minor" in told:
        return int(told["value_minor"])
    return decimals.worth_minor(-booked.amount, level.redeem, terms.minor_units)
