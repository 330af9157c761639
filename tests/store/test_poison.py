"""A command that cannot be decided is found, put aside with its bytes, and stops nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from accrual.domain.commands import LoggedCommand, Reward, Submission
from accrual.domain.outcomes import Status
from accrual.engine.process import EventOf
from accrual.store.connection import Pool
from accrual.store.lanes import PostgresLanes
from accrual.worker.lane import TRIES_MAX, Lane
from tests.pg_fixtures import Database
from tests.store.wiring import BUCKETS, apply_example, log_of, purchase, submitter, users_in, whole_lane


class Died(BaseException):
    """The process is gone: nothing after this point has happened, and nobody catches it."""


def _dies_at(action: str, tries: list[bytes]) -> EventOf:
    def event_of(command: Reward, logged: LoggedCommand, programme: Any) -> None:
        if command.action == action:
            tries.append(logged.ticket)
            raise Died

    return event_of


async def _until_all_decided(new_lane: Callable[[], Lane], pool: Pool, *, deaths_max: int) -> int:
    """Run lanes, a new one for each that died, until nothing waits; how many died."""
    deaths = 0
    lane = new_lane()
    for _ in range(3_000):
        try:
            await lane.step()
        except Died:
            deaths += 1
            assert deaths <= deaths_max
            lane._store.cut()
            lane = new_lane()
            continue
        waiting = await pool.fetchval("select sum(t.next - l.cursor) from tail t join lane l using (bucket)")
        if not waiting:
            lane._store.cut()
            return deaths
    raise AssertionError(f"{waiting} commands wait still")


async def _submit(pool: Pool, submissions: list[Submission]) -> None:
    for answer in await submitter(log_of(pool)).submit_many(submissions):
        assert not isinstance(answer, Exception), answer


async def _statuses(pool: Pool) -> dict[int, int]:
    return {row[0]: row[1] for row in await pool.fetch("select status, count(*) from outcome group by status")}


async def test_command_that_kills_its_lane_is_found_and_parked_alone(database: Database, pool: Pool) -> None:
    """Among commands of many members in many buckets, before and behind it in its own: they all are decided."""
    await apply_example(database)
    users = users_in(40, 5)
    crowd = [users_in(bucket, 1)[0] for bucket in range(1, BUCKETS, 4)]
    await _submit(pool, [purchase(user, f"{n}") for n in range(3) for user in [*users, *crowd]])
    await _submit(pool, [purchase(users[0], "poison", action="poison")])
    await _submit(pool, [purchase(user, f"{n}") for n in range(3, 6) for user in [*users, *crowd]])
    tries: list[bytes] = []
    deaths = await _until_all_decided(
        lambda: whole_lane(database, pool, "mortal", event_of=_dies_at("poison", tries)), pool, deaths_max=12
    )
    assert deaths == len(tries) >= TRIES_MAX
    count = 6 * (len(users) + len(crowd))
    assert await _statuses(pool) == {Status.DECIDED: count, Status.PARKED: 1}
    parked = await pool.fetch(
        "select p.bucket, p.tries, p.facts = c.facts, c.ticket, p.error from parked p join command c using (bucket, position)"
        " where p.parked_at is not null"
    )
    assert [(row[0], row[1], row[2], row[3].bytes) for row in parked] == [(40, TRIES_MAX + 1, True, tries[0])]
    assert "each time it was tried" in parked[0][4]
    assert await pool.fetchval("select sum(amount) from line where covers_from is null") == count


async def test_lane_that_was_robbed_blames_no_command(database: Database, pool: Pool) -> None:
    """A lane that counts a try after its bucket went to another counts none: it is no longer its command to try."""
    await apply_example(database)
    user = users_in(40, 1)[0]
    await _submit(pool, [purchase(user, f"{n}") for n in range(3)])
    await pool.execute("update lane set suspicion = 5, clean = true")
    robbed = whole_lane(database, pool, "robbed")
    await robbed._join()
    await robbed._keep_alive()
    assert robbed._leases.owned[40].suspicion == 5
    await pool.execute("update lane set epoch = epoch + 1, owner = null, clean = true where bucket = 40")
    await robbed.step()
    assert robbed.fence_refused_total == 1
    assert await pool.fetchval("select count(*) from parked") == 0
    robbed._store.cut()
    heir = whole_lane(database, pool, "heir")
    await _until_all_decided(lambda: heir, pool, deaths_max=0)
    assert await _statuses(pool) == {Status.DECIDED: 3}


async def test_command_that_kills_its_lane_does_not_slow_others_for_ever(database: Database, pool: Pool) -> None:
    """Once it is parked and some batches went well, whole batches are taken again."""
    await apply_example(database)
    user = users_in(40, 1)[0]
    await _submit(pool, [purchase(user, "poison", action="poison")])
    await _until_all_decided(
        lambda: whole_lane(database, pool, "mortal", event_of=_dies_at("poison", [])), pool, deaths_max=12
    )
    await _submit(pool, [purchase(user, f"{n}") for n in range(300)])
    lane = whole_lane(database, pool, "next")
    steps = 0
    while await pool.fetchval("select cursor from lane where bucket = 40") < 302:
        await lane.step()
        steps += 1
        assert steps < 40
    assert await pool.fetchval("select suspicion from lane where bucket = 40") == 0
    lane._store.cut()


async def test_facts_that_cannot_be_decoded_are_parked_with_their_bytes(database: Database, pool: Pool) -> None:
    await apply_example(database)
    before, bad, after = [purchase(users_in(40, 1)[0], key) for key in ("a", "b", "c")]
    ours = submitter(log_of(pool))
    await ours.submit(before)
    row, _ = ours.prepare(bad)
    junk = b"\xc1 no command"
    assert await log_of(pool).append([row._replace(facts=junk)], (await ours.submit(before)).recorded_at)
    await ours.submit(after)
    lane = whole_lane(database, pool, "lane")
    await lane.step()
    lane._store.cut()
    assert await _statuses(pool) == {Status.DECIDED: 2, Status.PARKED: 1}
    parked = await pool.fetchrow("select position, facts, error from parked")
    assert parked is not None
    assert (parked[0], parked[1]) == (2, junk)
    assert "DecodeError" in parked[2]
    assert lane.parked_total == 1


async def test_command_whose_decision_raises_is_parked_in_its_batch_and_the_rest_is_decided(
    database: Database, pool: Pool
) -> None:
    await apply_example(database)
    users = users_in(40, 3)

    def event_of(command: Reward, logged: LoggedCommand, programme: Any) -> None:
        if command.action == "poison":
            raise ZeroDivisionError("a secret of Fares")

    await _submit(pool, [purchase(user, "a") for user in users])
    await _submit(pool, [purchase(users[0], "poison", action="poison")])
    await _submit(pool, [purchase(user, "b") for user in users])
    lane = whole_lane(database, pool, "lane", event_of=event_of)
    await lane.step()
    lane._store.cut()
    assert await _statuses(pool) == {Status.DECIDED: 6, Status.PARKED: 1}
    # What went wrong is told by its kind alone: an exception's words may hold anything.
    assert await pool.fetchval("select error from parked") == "ZeroDivisionError"
    # It gave nothing, and took nothing back of what the others did.
    rows = await pool.fetch("select balance_after from line where covers_from is null order by position")
    assert sorted(row[0] for row in rows) == [1, 1, 1, 2, 2, 2]


async def test_command_whose_state_cannot_be_loaded_is_parked_too(database: Database, pool: Pool) -> None:
    """Whatever fails for it, and where: the lane takes smaller bites until it stands alone, tries, and goes on."""
    await apply_example(database)
    poison, *users = users_in(40, 4)

    class FailingLanes(PostgresLanes):
        bad_ahead = False

        async def fetch(self, wanted: Any) -> Any:
            found = await super().fetch(wanted)
            self.bad_ahead = any(b"poison" in command.facts for command in found)
            return found

        async def look_up(self, wanted: Any) -> Any:
            if self.bad_ahead:
                raise RuntimeError("damaged")
            return await super().look_up(wanted)

    store = FailingLanes(database.runtime_url, label="x", buckets=BUCKETS, idle_in_transaction_s=1)
    await _submit(pool, [purchase(user, "a") for user in users])
    await _submit(pool, [purchase(poison, "poison", action="poison")])
    await _submit(pool, [purchase(user, "b") for user in users])
    lane = whole_lane(database, pool, "lane", store=store)
    for _ in range(60):
        await lane.step()
        if await pool.fetchval("select cursor from lane where bucket = 40") == 8:
            break
    store.cut()
    assert await _statuses(pool) == {Status.DECIDED: 6, Status.PARKED: 1}
    assert await pool.fetchval("select position from parked where parked_at is not null") == 4


async def test_row_that_postgresql_refuses_in_a_posting_is_parked_alone(database: Database, pool: Pool) -> None:
    """A value that passed every check and cannot be stored: here an identity with a NUL, put into the log by hand."""
    await apply_example(database)
    good = purchase(users_in(40, 1)[0], "a")
    ours = submitter(log_of(pool))
    other = purchase(users_in(41, 1)[0], "a")
    for submission in (good, other):
        await ours.submit(submission)
    bad = msgspec.structs.replace(
        good,
        key=b"kbad",
        command=msgspec.structs.replace(good.command, identity=type(good.command.identity)("qoin.user_id", "a\0b")),
    )
    row, _ = ours.prepare(bad)
    receipt = await ours.submit(good)
    assert await log_of(pool).append([row], receipt.recorded_at)
    lane = whole_lane(database, pool, "lane")
    for _ in range(60):
        await lane.step()
        if not await pool.fetchval("select sum(t.next - l.cursor) from tail t join lane l using (bucket)"):
            break
    lane._store.cut()
    assert await _statuses(pool) == {Status.DECIDED: 2, Status.PARKED: 1}
    assert await pool.fetchval("select count(*) from member") == 2
