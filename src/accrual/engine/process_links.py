"""Decides commands to a programme's links within a batch, and notes which device each member was seen with."""

from __future__ import annotations

from accrual.domain.commands import Reward
from accrual.domain.ids import bucket_of
from accrual.domain.log import Posting
from accrual.domain.outcomes import Status, encode_outcome
from accrual.domain.referrals import Sighting, ToLinks, Verdict, install_digest
from accrual.engine.keeping import Keeper
from accrual.engine.linking import decide_links, keep
from accrual.engine.state import MemberCell
from accrual.engine.task import Decided, Task
from accrual.rules.compiled import CompiledProgramme


class LinkDecider(Keeper):
    """The part of deciding a batch that is about who referred whom."""

    def _decide_links(self, task: Task, asked: ToLinks, programme: CompiledProgramme, posting: Posting) -> Decided:
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
        # From here on nothing can fail: the overlay and the posting change together.
        keep(linked, forest, state.held)
        posting.link_nodes.extend(linked.nodes)
        if linked.held is not None:
            posting.held.append(linked.held)
        posting.follow_ups.extend(linked.follow_ups)
        if task.resumes is not None:
            posting.resumed.append((command.bucket, task.resumes, command.position))
        return Decided(command, Status.DECIDED, payload, [], [])

    def _note_install(self, task: Task, reward: Reward, cell: MemberCell, posting: Posting) -> None:
        """Remember with whom a device was seen, where its client vouches that the install id is one device's."""
        if reward.install_id is None or cell.row is None:
            return
        install = install_digest(task.command.programme_id, reward.install_id)
        if install not in cell.installs:
            cell.installs = (*cell.installs, install)[-INSTALLS_MAX:]
            posting.sightings.append(Sighting(bucket_of(install, self._buckets), install, task.member_id))


INSTALLS_MAX = 16
"""So many devices of a member a lane remembers to have noted; an older one is noted again, which changes nothing."""
