"""Redeeming rewards: what stands in the way, what is taken, how a code completes it, how it is cancelled whole."""

from __future__ import annotations

import hmac
from typing import Any

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.movements import Capture, Confirm, Redeem, Refund, Release
from accrual.domain.outcomes import Booked
from accrual.domain.rewards import proof_of, subject_of
from accrual.domain.transfers import Kind
from accrual.domain.undoing import WHOLE, WRONG_CODES
from accrual.engine.code_sending import ValidationCode
from accrual.engine.moves import aside, spend
from accrual.engine.moves.reward_books import STOCK_BACK, MadeReward, made_of
from accrual.engine.moves.scene import Scene
from accrual.engine.reward_desk import RewardDesk
from accrual.rules.calendar import after
from accrual.rules.rewards import CompiledReward, stock_key, validation_code_of, voucher_of

TRIES_MAX = 5
"""How often a member may be wrong about a validation code; the last time lets go of the points."""


def redeem(asked: Redeem, scene: Scene) -> None:
    """Spend points, or what a reward costs."""
    if asked.reward is None:
        spend.redeem(asked, scene)
        return
    reward = scene.programme.rewards.get(asked.reward)
    if reward is None:
        scene.refuse("reward_unknown", reward=asked.reward)
    elif _may_have(reward, asked, scene):
        _take(reward, asked, scene)


def _may_have(reward: CompiledReward, asked: Redeem, scene: Scene) -> bool:
    """Whether the member may have one now; refused when not."""
    desk, item = _desk(scene), reward.item
    moment = asked.occurred_at or scene.first_recorded_at
    declined = reward.why(moment, asked.outlet)
    if declined is not None:
        scene.refuse(declined[0], **declined[1])
        return False
    counter, stock = reward.counter_key(moment), reward.stock_key
    if counter is not None and item.limit is not None and desk.used(counter) >= item.limit.count:
        limit = {"limit": item.limit.count, "used": desk.used(counter), "every": item.limit.every.value}
        scene.refuse("limit_reached", **limit, per="member", by="redemptions")
        return False
    if (stock is not None and desk.left(stock) <= 0) or (item.has_pool and desk.next_code(reward.subject) is None):
        scene.refuse("out_of_stock", reward=item.code)
        return False
    purse, level = scene.purse, scene.level()
    purse.bring_up_to_date(reward.asset_id)
    if purse.posted(reward.asset_id) < level.redeem_from:
        scene.refuse("below_threshold", threshold=level.redeem_from, posted=purse.posted(reward.asset_id))
        return False
    return spend.enough(scene, reward.asset_id, item.price)


def _take(reward: CompiledReward, asked: Redeem, scene: Scene) -> None:
    desk, item = _desk(scene), reward.item
    counter, stock = reward.counter_key(asked.occurred_at or scene.first_recorded_at), reward.stock_key
    made = MadeReward(
        reward=item.code,
        reward_id=reward.reward_id,
        asset_id=reward.asset_id,
        price=item.price,
        stock=None if stock is None else stock.cap,
        counter=counter,
        awaits_code=item.send_validation_code,
    )
    if stock is not None:
        desk.take(stock)
    if counter is not None:
        desk.count(counter, 1)
    if item.send_validation_code:
        _send_code(reward, made, asked, scene)
    else:
        _pay(_with_voucher(made, reward, scene.command.ticket, desk), scene)


def _send_code(reward: CompiledReward, made: MadeReward, asked: Redeem, scene: Scene) -> None:
    desk, item = _desk(scene), reward.item
    expires_at = after(scene.now, item.code_valid_for, scene.zone)
    scene.purse.hold(made.asset_id, made.price)
    scene.hold = (made.asset_id, made.price, expires_at)
    scene.book(Kind.HOLD, made.asset_id, 0, {**made.told(), "held": made.price, "expires_at": expires_at.isoformat()})
    desk.event = desk.sender.event(
        ValidationCode(
            ticket=scene.command.ticket,
            member=asked.identity,
            member_name=None if scene.cell.row is None else scene.cell.row.name,
            reward=item.code,
            reward_name=item.name,
            code=validation_code_of(desk.seed_of(scene.command.ticket)),
            expires_at=expires_at,
        )
    )


def _is_right(asked: Confirm, seed: bytes) -> bool:
    """Whether it is the code that the member was sent. Without the seed, in a preview, it is taken to be: trying codes out
    there must not tell the right one.
    """
    return not seed or hmac.compare_digest(asked.proof, proof_of(asked.target, validation_code_of(seed)))


def confirm(asked: Confirm, scene: Scene) -> None:
    """Complete a redemption with the code that the member was sent; too many wrong ones let go of it."""
    hold, made, row, desk = scene.known.hold, made_of(scene.known.target), scene.known.target, _desk(scene)
    is_theirs = hold is not None and scene.asset_of_account(hold.account) is not None
    if hold is None or not is_theirs or made is None or row is None or not made.awaits_code:
        scene.refuse("hold_unknown")
    elif hold.resolved_position is not None:
        scene.refuse("hold_resolved")
    elif hold.expires_at is not None and hold.expires_at <= scene.now:
        scene.refuse("hold_expired")
        _let_go(made, scene)
    elif not _is_right(asked, desk.seed_of(row.ticket)):
        wrong = scene.known.undone.get(WRONG_CODES, 0) + 1
        scene.undone[WRONG_CODES] = wrong
        if wrong < TRIES_MAX:
            scene.refuse("code_wrong", left=TRIES_MAX - wrong)
        else:
            scene.refuse("code_wrong_too_often", tries=wrong)
            _let_go(made, scene)
    else:
        _complete(made, row.ticket, scene)


def _complete(made: MadeReward, ticket: bytes, scene: Scene) -> None:
    reward, desk, hold = scene.programme.rewards.get(made.reward), _desk(scene), scene.known.hold
    if reward is not None and reward.item.has_pool and desk.next_code(reward.subject) is None:
        scene.refuse("out_of_stock", reward=made.reward)
        _let_go(made, scene)
        return
    made = msgspec.structs.replace(made, awaits_code=False)
    if reward is not None:
        made = _with_voucher(made, reward, ticket, desk)
    scene.purse.bring_up_to_date(made.asset_id)
    scene.purse.hold(made.asset_id, -made.price, Kind.RELEASE)
    scene.released = hold
    _pay(made, scene)
    scene.purse.expire(made.asset_id, scene.now)
    scene.purse.settle_debt(made.asset_id)


def refund(asked: Refund, scene: Scene) -> None:
    """Give back what a redemption took; one by reward only whole, with what it took of stock and limit."""
    made = made_of(scene.known.target)
    if made is None:
        spend.refund(asked, scene)
        return
    left = made.price - scene.known.undone.get(WHOLE, 0)
    if left > 0 and (asked.value_minor is not None or (asked.amount is not None and asked.amount < left)):
        scene.refuse("reward_in_part", reward=made.reward, price=made.price)
        return
    spend.refund(asked, scene)
    if scene.undone:
        voucher = {} if made.voucher is None else {"voucher": made.voucher}
        _give_back(made, scene, cancelled=True, **voucher)


def capture(asked: Capture, scene: Scene) -> None:
    """Spend what a hold set aside, unless only the member's code may do so."""
    made = made_of(scene.known.target)
    if made is not None and made.awaits_code:
        scene.refuse("code_needed", reward=made.reward)
    else:
        spend.capture(asked, scene)


def release(asked: Release, scene: Scene) -> None:
    """Let go of what a hold set aside; a reward that it was for is there again."""
    made = made_of(scene.known.target)
    aside.release(asked, scene)
    if made is not None and scene.released is not None:
        _give_back(made, scene)


def _pay(made: MadeReward, scene: Scene) -> None:
    taken = scene.purse.debit(made.asset_id, made.price, kind=Kind.REDEEM, contra=Role.REDEMPTION)
    scene.book(Kind.REDEEM, made.asset_id, -made.price, {**made.told(), "lots": spend.lots_told(taken)})


def _with_voucher(made: MadeReward, reward: CompiledReward, ticket: bytes, desk: RewardDesk) -> MadeReward:
    """With the code that comes with it: drawn from the ticket's seed, or the next of the pool."""
    if not reward.item.has_pool:
        return msgspec.structs.replace(made, voucher=voucher_of(reward.item, desk.seed_of(ticket)))
    code = desk.next_code(reward.subject)
    if code is None:
        raise AssertionError("an empty pool is refused before")
    desk.give(reward.subject, code)
    return msgspec.structs.replace(made, voucher=code.code)


def _let_go(made: MadeReward, scene: Scene) -> None:
    """The points are free again, and what was taken of the reward is there again."""
    purse = scene.purse
    purse.bring_up_to_date(made.asset_id)
    purse.hold(made.asset_id, -made.price, Kind.RELEASE)
    scene.released = scene.known.hold
    scene.book(Kind.RELEASE, made.asset_id, made.price)
    purse.expire(made.asset_id, scene.now)
    purse.settle_debt(made.asset_id)
    _give_back(made, scene)


def _give_back(made: MadeReward, scene: Scene, **said: Any) -> None:
    """One more in stock, if one was taken out of it, and one less on the member's limit; said of what was booked last."""
    desk, today = _desk(scene), scene.programme.rewards.get(made.reward)
    last = scene.booked[-1]
    told = {**(last.details or {}), "reward": made.reward, **said}
    if made.stock is not None:
        told[STOCK_BACK] = 1
    scene.booked[-1] = Booked(last.kind, last.asset_id, last.amount, told)
    if made.stock is not None:
        known = None if today is None else today.stock_key
        subject = subject_of(scene.command.programme_id, made.reward)
        desk.take(known or stock_key(made.reward_id, subject, made.stock), -1)
    if made.counter is not None:
        desk.count(made.counter, -1)


def _desk(scene: Scene) -> RewardDesk:
    if scene.desk is None:
        raise AssertionError("rewards are redeemed at a desk")
    return scene.desk
