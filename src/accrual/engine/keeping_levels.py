"""What deciding a batch writes down of levels: what was earned, the profile at a new level, the event. Nothing is judged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.ids import member_account_id
from accrual.domain.log import EarningRow, ProfileRow
from accrual.domain.members import EMPTY_PROFILE, LevelBy, MemberProfile, encode_profile
from accrual.domain.movements import MEMBER_KIND
from accrual.domain.outcomes import TierChange
from accrual.engine.draft import CommandDraft
from accrual.engine.earned import EarnedDays
from accrual.engine.keeping import Keeper
from accrual.engine.render import ticket_text
from accrual.engine.state import MemberCell
from accrual.engine.task import Event, Task
from accrual.rules.ladder import Ladder
from accrual.rules.levels import Moved, risen
from accrual.rules.snapshot import Judgement

TIER_CHANGED = "tier.changed"

Earning = tuple[int, datetime, int]
"""Units of an asset (below 0: fewer) that count towards levels at a moment."""


class LevelKeeper(Keeper):
    """The part of what is written down that is about levels."""

    def _risen(self, task: Task, cell: MemberCell, ladder: Ladder, judgement: Judgement) -> Moved | None:
        """Up at once, for what these awards and the window before them come to. Changes nothing."""
        units = earned_units(ladder, judgement)
        if not units or not ladder.climbs:
            return None
        if cell.earned is None:
            raise AssertionError("what a member earned is loaded wherever it is added to")
        now = task.command.recorded_at
        earned = cell.earned.with_more(ladder, now, ladder.day_of(judgement.occurred_at), units)
        return risen(ladder, cell.profile or EMPTY_PROFILE, earned, now)

    def _note_awards(
        self, cell: MemberCell, earned: EarnedDays, ladder: Ladder | None, judgement: Judgement, draft: CommandDraft
    ) -> None:
        """The lane's own memory of what was earned; the books have it in the lines of the awards."""
        if ladder is None or not earned.serves(ladder, earned.since):
            draft.own(cell).earned = None  # counted for other levels than today's: read again when somebody asks
            return
        units = earned_units(ladder, judgement)
        if units:
            earned.add(ladder.day_of(judgement.occurred_at), units, draft)

    def _note_earnings(self, task: Task, cell: MemberCell, earnings: Iterable[Earning], draft: CommandDraft) -> None:
        """What counts besides awards: written down, and remembered."""
        command, ladder = task.command, None if task.programme is None else task.programme.ladder
        totals: dict[tuple[int, datetime], int] = {}
        for asset_id, moment, units in earnings:
            totals[asset_id, moment] = totals.get((asset_id, moment), 0) + units
        if ladder is None or (cell.earned is not None and not cell.earned.serves(ladder, cell.earned.since)):
            draft.own(cell).earned = None
        for (asset_id, moment), units in totals.items():
            account = member_account_id(task.member_id, asset_id, Role.MEMBER)
            row = EarningRow(command.bucket, account, command.position, moment, units)
            draft.add(draft.posting.earnings, row)
            if cell.earned is not None and ladder is not None and asset_id == ladder.asset_id:
                cell.earned.add(ladder.day_of(moment), units, draft)

    def _keep_profile(self, task: Task, cell: MemberCell, profile: MemberProfile, draft: CommandDraft) -> None:
        command = task.command
        draft.own(cell).profile = profile
        row = ProfileRow(command.bucket, task.member_id, command.position, encode_profile(profile))
        draft.add(draft.posting.profiles, row)


def earned_units(ladder: Ladder, judgement: Judgement) -> int:
    """What promos gave, by these awards, of the asset that levels count."""
    return sum([award.amount for award in judgement.awards if award.asset_id == ladder.asset_id])


def set_by_hand(ladder: Ladder | None, before: MemberProfile, after: MemberProfile, earned: int) -> TierChange | None:
    """What a change of the profile did to the level, if anything; `earned` is what the window holds."""
    if ladder is None:
        return None
    was, level = ladder.levels[ladder.place_of(before.tier)], ladder.levels[ladder.place_of(after.tier)]
    if was is level:
        return None
    return TierChange(was.code, level.code, LevelBy.HAND, earned, level.threshold)


def tier_event(task: Task, change: TierChange) -> Event:
    """(kind, JSON) of the event `tier.changed`."""
    asked = task.reward or task.profile or task.move
    identity = None if asked is None or asked.identity.kind == MEMBER_KIND else asked.identity
    document = {
        "event": TIER_CHANGED,
        "programme": "" if task.programme is None else task.programme.settings.code,
        "member": task.member_id.hex(),
        "identity": None if identity is None else {"kind": identity.kind, "value": identity.value},
        "from": change.before,
        "to": change.after,
        "by": LevelBy(change.by).name.lower(),
        "earned": change.earned,
        "threshold": change.threshold,
        "ticket": ticket_text(task.command.ticket),
    }
    return TIER_CHANGED, msgspec.json.encode(document)
