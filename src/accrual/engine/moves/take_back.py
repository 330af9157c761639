"""Returns: what a purchase earned is taken back, whole or by line, by the award that gave it and never by today's promos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.commands import Reward, decode_command
from accrual.domain.facts import Fact, Referral, ReferralPurchase
from accrual.domain.ids import member_of
from accrual.domain.movements import ReturnedPart, Reverse
from accrual.domain.outcomes import Award, Status
from accrual.domain.programme import AfterSpent
from accrual.domain.referrals import Claim
from accrual.domain.stocks import StockKey
from accrual.domain.transfers import Kind
from accrual.domain.undoing import AwardedLine, Part, TargetRow
from accrual.engine.lot_book import take_in_order
from accrual.engine.moves.days_back import days_without
from accrual.engine.moves.limits_back import uses_given_back
from accrual.engine.moves.prizes_back import prize_back
from accrual.engine.moves.scene import Scene, command_of, outcome_of
from accrual.rules.calendar import after


def reverse(asked: Reverse, scene: Scene) -> None:
    """Take back what the target's awards gave for the parts that come back; a return before its purchase waits for it."""
    row = scene.known.target
    if row is None and not scene.known.of_another:
        _wait(asked, scene)
        return
    if row is None:
        scene.refuse("purchase_unknown")
        return
    bought = command_of(row)
    if isinstance(bought, Claim) and row.status == Status.DECIDED:
        scene.follow_ups.extend(_other_sides(asked, scene, row, bought.facts))  # it gave nothing itself
        return
    if not isinstance(bought, Reward) or row.status != Status.DECIDED:
        scene.refuse("purchase_unknown")
        return
    outcome = outcome_of(row)
    awards = outcome.awards
    wanted = _units(asked.parts, bought, awards, scene)
    if wanted is None:
        scene.undone.clear()  # what is refused is not half done
        return
    for asset_id in sorted({award.asset_id for award in awards}):
        scene.purse.bring_up_to_date(asset_id)
    if _nothing_left(asked.parts, bought, awards, scene):
        scene.undone.clear()
        scene.refuse("already_returned")
        wanted = {}
    refused = bool(scene.declines)
    for number, units in wanted.items():
        if units > 0:
            _take_back(scene, row, number, awards[number], row.awarded[number], units)
            # It counts no more towards levels, whenever it counted and wherever it is by now.
            earned_at = bought.facts[0].occurred_at or row.recorded_at
            scene.earnings.append((awards[number].asset_id, earned_at, -units))
    given_back = uses_given_back(scene.programme, bought, outcome, row.recorded_at, scene.known.undone, scene.undone)
    # A merged member's own counters were never added to this one's.
    identity = bought.identity
    counted_here = member_of(row.programme_id, identity.kind, identity.value) == scene.member_id
    scene.uses_back = {key: units for key, units in given_back.items() if counted_here or isinstance(key, StockKey)}
    if counted_here and not refused:
        scene.days = days_without(asked, scene, row, bought, awards)
    scene.follow_ups.extend(_other_sides(asked, scene, row, bought.facts))


def _wait(asked: Reverse, scene: Scene) -> None:
    """Wait for the purchase, which may be late, as long as the programme says."""
    patience = after(scene.first_recorded_at, scene.programme.settings.return_wait, scene.zone)
    if asked.parent is None and scene.now < patience:
        scene.waits_for = asked.target
        scene.enrol = True
    else:
        scene.refuse("purchase_unknown")


def _nothing_left(parts: Sequence[ReturnedPart], bought: Reward, awards: Sequence[Award], scene: Scene) -> bool:
    """Whether all that was earned by what is named was returned before. What earned nothing can be returned for ever."""
    before = scene.known.undone
    earned = False
    for number, award in enumerate(awards):
        left = award.amount - before.get((number, -1, -1), 0)
        if not parts:
            earned = True
            if left > 0:
                return False
        for fact, line in _lines_of(parts, bought):
            share = _share(award, bought.facts, fact, line, scene)
            earned = earned or share > 0
            if left > 0 and share > before.get((number, fact, line), 0):
                return False
    return earned


def _lines_of(parts: Sequence[ReturnedPart], bought: Reward) -> Iterator[tuple[int, int]]:
    """(fact, line) of all that is named; line -1 stands for a fact without lines."""
    for part in parts:
        count = len(bought.facts[part.fact].items or ())
        for line in range(count) or (-1,):
            if part.line in (None, line):
                yield part.fact, line


def _units(
    parts: Sequence[ReturnedPart], bought: Reward, awards: Sequence[Award], scene: Scene
) -> dict[int, int] | None:
    """Units to take back by award; the totals undone are noted. None, and a refusal, when a part is none of the purchase."""
    before = scene.known.undone
    if not parts:
        return {n: award.amount - before.get((n, -1, -1), 0) for n, award in enumerate(awards)}
    wanted: Counter[int] = Counter()
    for part in parts:
        if not 0 <= part.fact < len(bought.facts):
            scene.refuse("part_unknown", fact=part.fact)
            return None
        items = bought.facts[part.fact].items or ()
        if part.line is not None and not 0 <= part.line < len(items):
            scene.refuse("part_unknown", fact=part.fact, line=part.line)
            return None
        lines: Sequence[int] = range(len(items)) if part.line is None else (part.line,)
        for line in lines or (-1,):
            quantity = items[line].quantity if line >= 0 else 1
            place = (-1, part.fact, line)
            back = scene.undone.get(place, before.get(place, 0))
            now_back = quantity if part.quantity is None else back + part.quantity
            if now_back > quantity or (part.quantity is not None and part.quantity <= 0):
                scene.refuse("more_than_bought", fact=part.fact, line=part.line, left=quantity - back)
                return None
            scene.undone[place] = now_back
            for number, award in enumerate(awards):
                units = _share(award, bought.facts, part.fact, line, scene) * now_back // max(quantity, 1)
                key = (number, part.fact, line)
                was = scene.undone.get(key, before.get(key, 0))
                if units > was:
                    scene.undone[key] = units
                    wanted[number] += units - was
    for number, award in enumerate(awards):
        left = award.amount - before.get((number, -1, -1), 0)
        wanted[number] = min(wanted[number], left)
    return dict(wanted)


def _share(award: Award, facts: Sequence[Fact], fact: int, line: int, scene: Scene) -> int:
    """Units that an award gave for a line (-1: for a fact without lines)."""
    if award.shares is not None:
        return sum([units for f, n, units in award.shares if f == fact and (line in (n, -1))])
    # An award of facts without lines belongs to those of the kind that its promo hears, by what they cost, the rest to the
    # first ones.
    heard = [
        version.promo.trigger
        for version in scene.programme.catalogue.promos
        if version.promo_version_id == award.promo_version_id
    ]
    concerned = [each.trigger in heard for each in facts]
    if not any(concerned):
        concerned = [True] * len(facts)
    weights = [each.amount_minor or 0 if concerns else 0 for each, concerns in zip(facts, concerned, strict=True)]
    if not any(weights):
        weights = [int(concerns) for concerns in concerned]
    total = sum(weights)
    parts = [award.amount * weight // total for weight in weights]
    rests = sorted(range(len(facts)), key=lambda n: (-(award.amount * weights[n] % total), n))
    for n in rests[: award.amount - sum(parts)]:
        parts[n] += 1
    return parts[fact] if line <= 0 else 0


def _take_back(scene: Scene, row: TargetRow, number: int, award: Award, line: AwardedLine, units: int) -> None:
    """Of one award: pending units, then those still there, then those that were spent, then those that have expired."""
    purse, asset_id = scene.purse, award.asset_id
    origin = (row.bucket, row.position, line.leg)
    whole: Part = (number, -1, -1)
    before = scene.known.undone.get(whole, 0)
    scene.undone[whole] = before + units
    pending = purse.lots(asset_id, Role.PENDING).of(origin)
    here = purse.lots(asset_id).of(origin)
    still_there = sum(lot.left for lot in pending) + sum(lot.left for lot in here)
    expired = line.expired + scene.known.expired.get(origin, 0) + purse.expired_origins.get(origin, 0)
    taken_pending = take_in_order(pending, units)
    purse.take(asset_id, Role.PENDING, taken_pending, kind=Kind.REVERSE, contra=Role.ISSUANCE)
    of_pending = sum(amount for _, amount in taken_pending)
    taken = take_in_order(here, min(units - of_pending, purse.available(asset_id)))
    purse.take(asset_id, Role.MEMBER, taken, kind=Kind.REVERSE, contra=Role.ISSUANCE)
    of_lot = sum(amount for _, amount in taken)
    rest = units - of_pending - of_lot
    # What a hold keeps back is no more at hand than what was spent.
    spent = min(rest, max(0, award.amount - before - still_there - expired) + still_there - of_pending - of_lot)
    from_balance = debt = 0
    policy = scene.programme.settings.after_spent
    if spent and policy is not AfterSpent.NONE:
        from_balance = min(spent, purse.available(asset_id))
        purse.debit(asset_id, from_balance, kind=Kind.REVERSE, contra=Role.ISSUANCE)
        if policy is AfterSpent.DEBT and spent > from_balance:
            debt = spent - from_balance
            purse.owe(asset_id, debt, kind=Kind.REVERSE, contra=Role.ISSUANCE)
    details = {
        "target": row.ticket.hex(),
        "award": number,
        "promo_version": award.promo_version_id,
        "units": units,
        "pending": of_pending,
        "taken": of_lot,
        "from_balance": from_balance,
        "debt": debt,
        "let_go": spent - from_balance - debt,
        "expired": rest - spent,
    }
    scene.book(Kind.REVERSE, asset_id, -(of_pending + of_lot + from_balance + debt), details)
    prize_back(scene, number, award, of_pending + of_lot + from_balance)


def _other_sides(asked: Reverse, scene: Scene, row: TargetRow, bought: Sequence[Fact]) -> Iterator[Reverse]:
    """What the facts gave to others goes the same way, in their own lanes, level by level and by way of the links."""
    for ticket, facts in row.follow_ups:
        try:
            followed = decode_command(facts)
        except msgspec.DecodeError:
            continue  # it was parked as unreadable, so it gave nothing
        if not isinstance(followed, Reward | Claim):
            continue
        parts: tuple[ReturnedPart, ...] = ()
        if asked.parts:
            parts = tuple(_mapped(asked.parts, bought, followed.facts))
            if not parts:
                continue
        yield Reverse(
            dialect=asked.dialect,
            action=asked.action,
            identity=followed.identity,
            occurred_at=asked.occurred_at,
            note=asked.note,
            target=ticket,
            parts=parts,
            parent=scene.command.ticket,
        )


def _mapped(parts: Sequence[ReturnedPart], facts: Sequence[Fact], others: Sequence[Fact]) -> Iterator[ReturnedPart]:
    """The same parts by the places that their facts have on the other side: those of one kind stand in the same order."""
    places: dict[int, int] = {}
    there = 0
    for here, fact in enumerate(facts):
        if there < len(others) and isinstance(fact, Referral | ReferralPurchase) and _alike(fact, others[there]):
            places[here] = there
            there += 1
    for part in parts:
        if part.fact in places:
            yield msgspec.structs.replace(part, fact=places[part.fact])


def _alike(fact: Fact, other: Fact) -> bool:
    same = (fact.amount_minor, fact.product, fact.items) == (other.amount_minor, other.product, other.items)
    return type(fact) is type(other) and same
