"""Loads what commands of a batch are about that name another: parked ones that are tried again, held ones that are judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from accrual.domain.commands import Profile, Resume, Reward, decode_command
from accrual.domain.facts import Identity
from accrual.domain.held import Clearance
from accrual.domain.ids import member_of
from accrual.domain.referrals import ToLinks
from accrual.domain.undoing import ParkedFacts
from accrual.engine.asked import Asked
from accrual.engine.clearing import held_for
from accrual.engine.load_earlier import grouped
from accrual.engine.ports_lane import StateSource
from accrual.engine.task import Task
from accrual.rules.looks import kinds_and_looks


async def open_later(later: Sequence[Task], asked: Asked, source: StateSource) -> None:
    """What is known only once something else was read: retries, and verdicts about what is held."""
    retries = [(task, task.asks_for) for task in later if task.asks_for is not None]
    if retries:
        parked = await source.parked_facts(grouped((task.command.bucket, resume.ticket) for task, resume in retries))
        for task, resume in retries:
            _retry(task, resume, parked.get(resume.ticket))
    verdicts = [(task, task.clears) for task in later if task.clears is not None]
    wanted = grouped((task.command.bucket, clearance.target) for task, clearance in verdicts)
    for bucket, tickets in wanted.items():
        held = await source.held_commands(bucket, tickets)
        for task, clearance in verdicts:
            if task.command.bucket == bucket:
                task.reward = held_for(task, clearance, held.get(clearance.target))
                say_who(task, clearance.identity)
    for task in later:
        asked.note(task)


def say_who(task: Task, identity: Identity) -> None:
    """Whom a task is about and what judging it looks at, once it is known what it is."""
    task.member_id = member_of(task.command.programme_id, identity.kind, identity.value)
    if task.reward is not None and task.programme is not None:
        task.kinds, task.looks = kinds_and_looks(task.programme, task.reward.facts, task.client)


def _retry(task: Task, resume: Resume, parked: ParkedFacts | None) -> None:
    """A command that is tried again is about whom it was about, whatever the one that asks for it names."""
    task.nothing_parked = parked is None or not _resume(task, resume, parked)
    tried = task.reward or task.profile or task.move or task.links
    if tried is not None:
        say_who(task, tried.identity)


def _resume(task: Task, resume: Resume, parked: ParkedFacts) -> bool:
    task.parked = parked
    position, recorded_at, facts = parked
    ahead = timedelta(0) if resume.until is None else resume.until - task.command.recorded_at
    task.first_recorded_at = recorded_at - max(ahead, timedelta(0))
    try:
        decoded = decode_command(facts)
    except msgspec.DecodeError as error:
        task.error = f"DecodeError: {error}"
        return True
    if isinstance(decoded, Resume):
        return False  # a retry is over once it has failed; what it tried is tried again itself
    if isinstance(decoded, Reward):
        task.reward = _as_recorded(decoded, recorded_at)
    elif isinstance(decoded, Profile):
        task.profile = decoded
    elif isinstance(decoded, ToLinks):
        task.links = decoded
    elif isinstance(decoded, Clearance):
        task.clears = decoded
    else:
        task.move = decoded
    task.resumes = position
    return True


def _as_recorded(reward: Reward, recorded_at: datetime) -> Reward:
    """Facts without a time of their own happened when they were first recorded, not when they are tried again."""
    facts = tuple(
        fact if fact.occurred_at is not None else msgspec.structs.replace(fact, occurred_at=recorded_at)
        for fact in reward.facts
    )
    return msgspec.structs.replace(reward, facts=facts)
