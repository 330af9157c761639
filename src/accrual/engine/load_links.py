"""Loads what deciding referral links looks at: nodes with their paths, held referrals, shared devices. Nothing is decided."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.domain.referrals import Claim, Verdict
from accrual.engine.linking import OpenClaim, members_asked_for, read_claim
from accrual.engine.ports_lane import StateSource
from accrual.engine.state import State
from accrual.engine.task import Task


async def load_links(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    """What the batch's commands to links need, one read a table and bucket; most batches have none and ask nothing."""
    asked = [task for task in tasks if task.links is not None and task.error is None]
    if not asked:
        return
    state.held = {}
    for bucket in sorted({task.command.bucket for task in asked}):
        of_bucket = [task for task in asked if task.command.bucket == bucket]
        await _load_held(bucket, of_bucket, state, source)
        await _load_nodes(bucket, of_bucket, state, source)
    await _load_shared(asked, source)


async def _load_held(bucket: int, tasks: Sequence[Task], state: State, source: StateSource) -> None:
    targets = {task.links.target for task in tasks if isinstance(task.links, Verdict)}
    if targets:
        for ticket, held in (await source.held_claims(bucket, sorted(targets))).items():
            state.held[ticket] = OpenClaim(held.row, read_claim(held.facts))


async def _load_nodes(bucket: int, tasks: Sequence[Task], state: State, source: StateSource) -> None:
    forest = state.forest(bucket)
    wanted: set[bytes] = set()
    for task in tasks:
        if task.links is not None:
            held = state.held.get(task.links.target) if isinstance(task.links, Verdict) else None
            wanted.update(members_asked_for(task.links, held, task.command.programme_id))
    missing = wanted.difference(forest.nodes)
    if missing:
        # Whoever is known is known with all that stand above them, so new paths only ever add.
        forest.put(node for node in await source.link_nodes(bucket, sorted(missing)))


async def _load_shared(tasks: Sequence[Task], source: StateSource) -> None:
    wanted = {
        (task.links.install, task.links.member_id)
        for task in tasks
        if isinstance(task.links, Claim) and task.links.install is not None
    }
    if not wanted:
        return
    shared = await source.shared_installs(sorted(wanted))
    for task in tasks:
        if isinstance(task.links, Claim) and task.links.install is not None:
            task.shared_install = (task.links.install, task.links.member_id) in shared
