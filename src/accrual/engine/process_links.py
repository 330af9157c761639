"""Decides commands to a programme's links within a batch, and notes which device each member was seen with."""

from __future__ import annotations

from accrual.domain.commands import Reward
from accrual.domain.ids import bucket_of
from accrual.domain.outcomes import Status, encode_outcome
from accrual.domain.referrals import Sighting, ToLinks, Verdict, install_digest
from accrual.engine.draft import CommandDraft
from accrual.engine.keeping import Keeper
from accrual.engine.linking import decide_links, keep
from accrual.engine.state import MemberCell
from accrual.engine.task import Decided, Task
from accrual.rules.compiled import CompiledProgramme


class LinkDecider(Keeper):
    """The part of deciding a batch that is about who referred whom."""

    def _decide_links(self, task: Task, asked: ToLinks, programme: CompiledProgramme, draft: CommandDraft) -> Decided:
        command, state = task.command, self._state
        forest = state.forest(command.bucket)
        linked = decide_links(
            command,
            asked,
            programme,
            forest,
            shared=task.shared_install,
            held=state.held.get(asked.target) if isinstance(asked, Verdict) else None,
            buckets=self._buckets,
            claimed_at=(task.ticket, command.position if task.resumes is None else task.resumes),
        )
        payload = encode_outcome(linked.outcome)
        keep(linked, forest, state.held, draft)
        posting = draft.posting
        draft.extend(posting.link_nodes, linked.nodes)
        if linked.held is not None:
            draft.add(posting.held, linked.held)
        draft.extend(posting.follow_ups, linked.follow_ups)
        self._resumed(task, draft)
        return Decided(command, Status.DECIDED, payload, [], [])

    def _note_install(self, task: Task, reward: Reward, cell: MemberCell, draft: CommandDraft) -> None:
        """Remember with whom a device was seen, where its client vouches that the install id is one device's."""
        if reward.install_id is None or cell.row is None:
            return
        install = install_digest(task.command.programme_id, reward.install_id)
        if install not in cell.installs:
            draft.own(cell).installs = (*cell.installs, install)[-INSTALLS_MAX:]
            draft.add(draft.posting.sightings, Sighting(bucket_of(install, self._buckets), install, task.member_id))


INSTALLS_MAX = 16
"""So many devices of a member a lane remembers to have noted; an older one is noted again, which changes nothing."""
