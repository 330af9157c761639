"""Decides what clients say of members themselves: profiles, and levels set by hand. No facts are judged here."""

from __future__ import annotations

from accrual.domain.commands import Profile
from accrual.domain.errors import Invalid
from accrual.domain.members import EMPTY_PROFILE
from accrual.domain.outcomes import Declined, Outcome, Status, encode_outcome
from accrual.domain.programme import Enrol
from accrual.engine.draft import CommandDraft
from accrual.engine.keeping_levels import LevelKeeper, set_by_hand, tier_event
from accrual.engine.task import Decided, Task
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.profiles import change as changed_profile
from accrual.rules.snapshot import PROGRAMME_ITSELF


class ProfileDecider(LevelKeeper):
    """The part of deciding a batch that is about profiles."""

    def _change_profile(
        self, task: Task, change: Profile, programme: CompiledProgramme, draft: CommandDraft
    ) -> Decided:
        command = task.command
        cell = self._state.members[task.member_id]
        declined: Declined | None = None
        profile = cell.profile or EMPTY_PROFILE
        if cell.row is None and programme.settings.enrol is not Enrol.ALWAYS:
            declined = Declined(PROGRAMME_ITSELF, "member_unknown")
        else:
            try:
                profile = changed_profile(profile, change, command.recorded_at, programme.ladder)
            except Invalid as error:
                declined = Declined(PROGRAMME_ITSELF, "profile_refused", {"problem": error.code})
        declines = () if declined is None else (declined,)
        change_of_tier = None
        if programme.ladder is not None and cell.earned is not None and change.tier is not None:
            earned = cell.earned.within(programme.ladder, command.recorded_at)
            change_of_tier = set_by_hand(programme.ladder, cell.profile or EMPTY_PROFILE, profile, earned)
        outcome = Outcome(status=Status.DECIDED, revision=programme.revision, declines=declines, tier=change_of_tier)
        payload = encode_outcome(outcome)
        if declined is None:
            if cell.row is None:
                self._enrol(task, cell, draft)
            else:
                self._rename(task, cell, draft)
            self._keep_profile(task, cell, profile, draft)
        self._nothing_posted(task, draft)
        self._resumed(task, draft)
        events = () if change_of_tier is None else (tier_event(task, change_of_tier),)
        return Decided(command, Status.DECIDED, payload, [], [], events)
