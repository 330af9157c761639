"""What a decided call did, or with which number it failed, read off its outcome. Pure; nothing is looked up."""

from __future__ import annotations

from accrual.api.dialects.dsquares.decimals import worth_minor
from accrual.api.dialects.dsquares.failures import Failed, number_of
from accrual.api.dialects.dsquares.shown import LOG_REDEEMED, LOG_REFUNDED, LOG_REWARDED, Acted, Deed
from accrual.api.dialects.dsquares.wire import RedeemCall, RefundCall, RewardCall
from accrual.domain.commands import Command, Reward
from accrual.domain.movements import Redeem
from accrual.domain.outcomes import Outcome
from accrual.domain.transfers import Kind
from accrual.engine.views import AwardView

NOTHING_LEFT = ("limit_reached", "budget_exhausted")
"""Declines of promos which make a Reward that gave nothing a failing one."""


def rewarded(call: RewardCall, acted: Acted) -> Deed:
    """What a Reward gave. Raises Failed when the programme declined it, or limits left nothing of it."""
    done = acted.done
    awards = awards_of(acted)
    if not awards:
        for decline in done.declines:
            if decline.promo is None or decline.reason in NOTHING_LEFT:
                raise Failed(number_of(decline.reason, decline.details))
    return Deed(
        log_type=LOG_REWARDED,
        comments=f"Points accumulated to {call.who.wallet}",
        branch=call.who.branch,
        amount_minor=paid_minor(acted.own.command),
        units=sum(award.amount for award in awards),
        invoice=call.invoice,
        external_log_id=call.log_id,
        date_sent=call.date,
        is_expired=bool(awards)
        and all(award.expires_at is not None and award.expires_at <= done.recorded_at for award in awards),
    )


def redeemed(call: RedeemCall, acted: Acted) -> Deed:
    """What a RedeemUser took. Raises Failed when it was declined."""
    taken = _moved(acted, "redeem")
    command = acted.own.command
    value = command.value_minor if isinstance(command, Redeem) else None
    if value is None:
        value = worth_minor(-taken, acted.level.redeem, acted.terms.minor_units)
    return Deed(
        log_type=LOG_REDEEMED,
        comments=call.comment or f"Points redeemed from {call.who.wallet}",
        branch=call.who.branch,
        amount_minor=value,
        units=-taken,
    )


def refunded(call: RefundCall, acted: Acted, outcome: Outcome) -> Deed:
    """What a Refund gave back of a redemption, whose outcome this is. Raises Failed when it was declined."""
    units = _moved(acted, "refund")
    told = next((each.details or {} for each in outcome.booked if each.kind == Kind.REDEEM), {})
    factor = str(told.get("factor", acted.level.redeem))
    return _refund(call, worth_minor(units, factor, acted.terms.minor_units), units, "to")


def taken_back(call: RefundCall, acted: Acted, bought: Command) -> Deed:
    """What a Refund took back of a Reward, `bought`. Raises Failed when it was declined."""
    return _refund(call, paid_minor(bought), -_moved(acted, "reverse"), "from")


def awards_of(acted: Acted) -> list[AwardView]:
    """The awards of a call in points, to whoever they went to first: not those to a referrer."""
    asset, identity = acted.terms.asset.code, acted.done.identity
    return [award for award in acted.done.awards if award.code == asset and award.recipient == identity]


def paid_minor(command: Command) -> int:
    """What a Reward said was paid."""
    return (command.facts[0].amount_minor or 0) if isinstance(command, Reward) else 0


def _refund(call: RefundCall, amount_minor: int, units: int, direction: str) -> Deed:
    return Deed(
        log_type=LOG_REFUNDED,
        comments=call.comment or f"Points refunded {direction} {call.who.wallet}",
        branch=call.who.branch,
        amount_minor=amount_minor,
        units=units,
        invoice=call.invoice,
        external_log_id=call.log_id,
        refunded_log_id=call.transaction,
    )


def _moved(acted: Acted, kind: str) -> int:
    """Units that a movement booked, signed. Raises Failed when it booked none because it was declined."""
    booked = [each.amount for each in acted.done.booked if each.kind == kind and each.code == acted.terms.asset.code]
    if booked or not acted.done.declines:
        return sum(booked)
    decline = acted.done.declines[0]
    raise Failed(number_of(decline.reason, decline.details))
