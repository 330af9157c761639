"""Loads what a batch needs: commands decoded, members, balances, counters, one read a table. Nothing is decided here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence, Set
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import msgspec

from accrual.domain.commands import LoggedCommand, Profile, Resume, Reward, decode_command
from accrual.domain.errors import Missing
from accrual.domain.held import Clearance
from accrual.domain.members import EMPTY_PROFILE
from accrual.domain.referrals import ToLinks
from accrual.domain.stocks import StockKey
from accrual.engine.asked import Asked, Reading
from accrual.engine.load_draws import load_draws
from accrual.engine.load_later import open_later, say_who
from accrual.engine.load_levels import load_levels, moves_levels
from accrual.engine.load_links import load_links
from accrual.engine.load_moves import load_moves
from accrual.engine.load_rewards import load_rewards
from accrual.engine.portion import Portion
from accrual.engine.ports_lane import StateSource
from accrual.engine.state import ShareState, State
from accrual.engine.task import Task
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.evaluate import REFERRED, asks_for_keys, keys_needed
from accrual.rules.limits import Key
from accrual.rules.snapshot import PastPurchase

HISTORY_DAYS_MAX = 10_000
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

Programmes = Callable[[int], CompiledProgramme]
"""The newest compiled programme by programme_id. Raises Missing."""

AHEAD = 1024
"""So many commands, and the rest of their last bucket, are loaded together, while those before them are decided."""

MARKED_MAX = 256
"""How many merged or marked members of a bucket a lane knows by heart; where there are more, every member's row is read."""

COUNTERS_MAX = 256
"""How many counters of one member are kept between batches: each day checked in and each period limited is one more."""


def no_client(client_id: int) -> str | None:
    """Nobody's code, where promos do not ask which client it was."""
    return None


async def load(
    commands: Sequence[LoggedCommand],
    state: State,
    source: StateSource,
    programmes: Programmes,
    client_of: Callable[[int], str | None] = no_client,
) -> list[Task]:
    """The tasks of a batch, with everything that judging them looks at in `state`."""
    tasks: list[Task] = []
    async with aclosing(load_in_groups(commands, state, source, programmes, client_of)) as groups:
        async for group in groups:
            tasks += group
    return tasks


async def load_in_groups(
    commands: Sequence[LoggedCommand],
    state: State,
    source: StateSource,
    programmes: Programmes,
    client_of: Callable[[int], str | None] = no_client,
    portion: Portion | None = None,
) -> AsyncGenerator[list[Task], None]:
    """The tasks of a batch, a few whole buckets at a time, as soon as what judging these looks at is in `state`.

    What goes beyond `portion` is left out before anything is read for it, with all that is behind it in its bucket. While
    the caller decides one group, the database looks for what the next asks for. Members and balances, which all ask
    for, are gathered while decoding; what else there is to read is gone through for those members alone of whom some task asks
    more. Leave it by its `aclose`: no read is under way then.
    """
    state.begin_batch()
    await _learn_marked({command.bucket for command in commands}, state, source)
    clients: dict[int, str | None] = {}
    newest: dict[int, CompiledProgramme] = {}
    asked = Asked(state)
    ready: list[Task] = []
    async with Reading(asked, source) as reading:
        groups = list(_groups(commands))
        for group in groups:
            later = []
            tasks = []
            for command in group:
                if command.client_id not in clients:
                    clients[command.client_id] = client_of(command.client_id)
                task = _decode(command, programmes, newest, clients[command.client_id])
                if (
                    portion is not None
                    and (task.reward is None or command.bucket == portion.closed)
                    and not portion.takes(command.bucket)
                ):
                    continue
                tasks.append(task)
                if task.asks_for is None and task.clears is None:
                    asked.note(task)
                else:
                    later.append(task)
            await reading.done()
            if later:
                await open_later(later, asked, source)
            await _load_more(ready, asked.more, state, source)
            if len(groups) > 1:
                await reading.start()
            if ready:
                yield ready
            ready = tasks
        await reading.done()
        await asked.read(source)
        await _load_more(ready, asked.more, state, source)
        if ready:
            yield ready


def _groups(commands: Sequence[LoggedCommand]) -> Iterator[Sequence[LoggedCommand]]:
    """Commands of whole buckets, in order; of each group the last bucket alone goes beyond `AHEAD` commands."""
    start = 0
    while start < len(commands):
        end = start + AHEAD
        if end < len(commands):
            last = commands[end - 1].bucket
            while end < len(commands) and commands[end].bucket == last:
                end += 1
        yield commands[start:end]
        start = end


async def _learn_marked(buckets: Set[int], state: State, source: StateSource) -> None:
    """Who of these buckets is merged or marked. From here on the lane itself is the only one to change that."""
    unknown = sorted(buckets - state.marked.keys())
    if unknown:
        found = await source.marked(unknown, MARKED_MAX + 1)
        for bucket in unknown:
            members = set(found.get(bucket, ()))
            state.marked[bucket] = members if len(members) <= MARKED_MAX else None


async def _load_more(ready: Sequence[Task], members: Set[bytes], state: State, source: StateSource) -> None:
    tasks = [task for task in ready if task.member_id in members] if members else []
    if not tasks:
        return
    await _load_links(tasks, state, source)
    await _load_keys(tasks, state, source)
    await _load_profiles(tasks, state, source)
    await _load_histories(tasks, state, source)
    await load_levels(tasks, state, source)
    await load_draws(tasks, state, source)
    await load_moves(tasks, state, source)
    await load_links(tasks, state, source)
    await load_rewards(tasks, state, source)


def _decode(
    command: LoggedCommand, programmes: Programmes, newest: dict[int, CompiledProgramme], client: str | None
) -> Task:
    """A command's task; `newest` remembers the programmes of this batch."""
    task = Task(command)
    task.client = client
    try:
        decoded = decode_command(command.facts)
        programme = newest.get(command.programme_id)
        if programme is None:
            programme = newest[command.programme_id] = programmes(command.programme_id)
        task.programme = programme
    except (msgspec.DecodeError, Missing) as error:
        task.error = f"{type(error).__name__}: {error}"
        return task
    if isinstance(decoded, Reward):
        task.reward = decoded
    elif isinstance(decoded, Resume):
        task.asks_for = decoded
    elif isinstance(decoded, Profile):
        task.profile = decoded
    elif isinstance(decoded, ToLinks):
        task.links = decoded
    elif isinstance(decoded, Clearance):
        task.clears = decoded
    else:
        task.move = decoded
    say_who(task, decoded.identity)
    return task


async def _load_links(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    """Who referred the members of referrals and referred purchases; no other fact asks."""
    wanted: dict[int, list[bytes]] = {}
    for task in tasks:
        if REFERRED.isdisjoint(task.kinds):
            continue
        cell = state.members[task.member_id]
        if cell.link_known or cell.row is None:
            continue
        cell.link_known = True
        wanted.setdefault(task.command.bucket, []).append(task.member_id)
    if wanted:
        for member_id, referrer in (await source.links(wanted)).items():
            row = state.members[member_id].row
            if row is not None:
                state.members[member_id].row = row._replace(referrer=referrer)


async def _load_keys(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    """Counters of members, shares of promos' stocks, and what is left of outlets' and devices' caps."""
    counters: dict[int, list[tuple[bytes, int, int, int]]] = {}
    shares: dict[tuple[int, StockKey], int] = {}
    quotas: set[StockKey] = set()
    seen: set[bytes] = set()
    noted: Sequence[Key] = ()
    for task in tasks:
        reward, programme = task.reward, task.programme
        if reward is None or programme is None or not asks_for_keys(task.kinds, task.looks):
            continue
        try:
            needed = keys_needed(reward, programme, task.command.recorded_at, task.client)
        except ArithmeticError as error:  # such as a date that lies before year 1 in the programme's zone
            task.reward, task.error = None, type(error).__name__
            continue
        if needed is noted:  # shared stocks alone, the same as before: stocks of prizes, for one
            continue
        if quotas.issuperset(needed):
            noted = needed
            continue
        cell = state.members[task.member_id]
        if task.member_id not in seen:
            seen.add(task.member_id)
            if len(cell.counters) > COUNTERS_MAX:
                cell.counters.clear()
        for key in needed:
            if isinstance(key, StockKey):
                if key.subject:
                    quotas.add(key)
                elif (task.command.bucket, key) not in state.shares:
                    shares[task.command.bucket, key] = 1
            elif key not in cell.counters:
                cell.counters[key] = 0
                if cell.row is not None:
                    counters.setdefault(task.command.bucket, []).append((task.member_id, *key))
    if counters:
        for (member_id, promo_id, slot, period), value in (await source.counters(counters)).items():
            state.members[member_id].counters[promo_id, slot, period] = value
    if shares:
        await fetch_shares(shares, state, source)
    missing = sorted(quotas - state.quotas.keys())  # what was read for this batch before, it may have used up since
    if missing:
        state.quotas.update(await source.quotas(missing))


async def fetch_shares(wanted: dict[tuple[int, StockKey], int], state: State, source: StateSource) -> None:
    """At least so much of each stock for each bucket, or all that there is; what is at hand already counts."""
    rows = [(bucket, key, units) for (bucket, key), units in sorted(wanted.items())]
    for place, (left, final) in (await source.fetch_shares(rows)).items():
        state.shares[place] = ShareState(left, final)


async def _load_profiles(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    wanted: dict[int, list[bytes]] = {}
    for task in tasks:
        programme = task.programme
        if programme is None or not (task.looks.profile or task.profile is not None or _asks_level(task, programme)):
            continue
        cell = state.members[task.member_id]
        if cell.row is None or cell.profile is not None:
            continue
        cell.profile = EMPTY_PROFILE
        wanted.setdefault(task.command.bucket, []).append(task.member_id)
    if wanted:
        for member_id, profile in (await source.profiles(wanted)).items():
            state.members[member_id].profile = profile


def _asks_level(task: Task, programme: CompiledProgramme) -> bool:
    """Whether a movement asks which level the member is at, or a command may change it."""
    ladder = programme.ladder
    return ladder is not None and (task.move is not None or moves_levels(task, ladder))


async def _load_histories(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    """Past purchases of members that conditions ask about, as far back as the earliest fact of a batch looks.

    Where `history.first` is asked, all that was ever bought is read, but only of members without a purchase in that time.
    """
    wanted: dict[int, list[bytes]] = {}
    since: datetime | None = None
    for task in tasks:
        reward, programme = task.reward, task.programme
        days = task.looks.history_days
        if reward is None or programme is None or not days:
            continue
        cell = state.members[task.member_id]
        start = _looks_back_to(reward, days, task.command.recorded_at)
        if cell.history is not None and cell.history_since is not None and cell.history_since <= start:
            continue
        cell.history, cell.history_since = (), start
        if cell.row is not None:
            wanted.setdefault(task.command.bucket, []).append(task.member_id)
            since = start if since is None or start < since else since
    if since is not None:
        await _read_histories(wanted, since, state, source)
    ever: dict[int, list[bytes]] = {}
    for task in tasks:
        if not task.looks.first or task.reward is None:
            continue
        cell = state.members[task.member_id]
        if cell.row is not None and not cell.history and cell.history_since != EARLIEST:
            cell.history_since = EARLIEST
            ever.setdefault(task.command.bucket, []).append(task.member_id)
    if ever:
        await _read_histories(ever, EARLIEST, state, source)


async def _read_histories(wanted: dict[int, list[bytes]], since: datetime, state: State, source: StateSource) -> None:
    distinct = {bucket: list(dict.fromkeys(members)) for bucket, members in wanted.items()}
    for member_id, rows in (await source.history(distinct, since)).items():
        cell = state.members[member_id]
        cell.history = tuple(PastPurchase(row.occurred_at, row.amount_minor) for row in rows)
        state.purchases += len(rows)


def _looks_back_to(reward: Reward, days: int, now: datetime) -> datetime:
    """The earliest purchase that judging these facts may count; a fact may be late."""
    if days > HISTORY_DAYS_MAX:
        return EARLIEST
    return min([fact.occurred_at or now for fact in reward.facts]) - timedelta(days=days)
