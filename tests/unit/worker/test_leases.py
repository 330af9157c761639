"""Who owns which bucket: fair shares that add up, take-overs from the dead only, and room for whoever joins."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.worker.leases import Leases
from tests.unit.worker.lanes import LEASE_S, Lanes


def sizes(*lanes: Leases) -> list[int]:
    return [len(lane.owned) for lane in lanes]


async def test_first_lane_takes_everything() -> None:
    lanes = Lanes()
    ann = lanes.join("ann")
    await lanes.turn(ann)
    assert set(ann.owned) == set(range(16))
    assert all(lanes.rows[bucket].owner == ann.worker_id for bucket in range(16))


async def test_lane_that_joins_is_given_its_share() -> None:
    lanes = Lanes()
    ann, bob = lanes.join("ann"), lanes.join("bob")
    await lanes.turn(ann)
    for _ in range(3):
        await lanes.turn(ann, bob)
    assert sizes(ann, bob) == [8, 8]
    eve = lanes.join("eve")
    for _ in range(4):
        await lanes.turn(ann, bob, eve)
    assert sorted(sizes(ann, bob, eve)) == [5, 5, 6]
    assert len({*ann.owned, *bob.owned, *eve.owned}) == 16
    lanes.check(ann, bob, eve)


async def test_lane_that_comes_while_another_looks_around_is_not_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between the two reads of one look somebody may register and take buckets."""
    lanes = Lanes()
    ann, bob = lanes.join("ann"), lanes.join("bob")
    del lanes.beats[bob.worker_id]
    reads = {name: getattr(lanes, name) for name in ("workers", "lanes")}
    looked: list[str] = []

    def bob_comes_after(name: str) -> Any:
        async def read() -> Any:
            found = await reads[name]()
            looked.append(name)
            if len(looked) == 1:
                lanes.beats[bob.worker_id] = 1
                await lanes.take([lanes.rows[bucket] for bucket in range(16)], bob.worker_id)
            return found

        return read

    for name in reads:
        monkeypatch.setattr(lanes, name, bob_comes_after(name))
    await ann.rebalance()
    assert {row.owner for row in lanes.rows.values()} == {bob.worker_id}
    assert not any(lanes.suspicion.values())


async def test_what_is_given_back_is_clean_and_raises_no_suspicion() -> None:
    lanes = Lanes()
    ann, bob = lanes.join("ann"), lanes.join("bob")
    await lanes.turn(ann)
    for _ in range(3):
        await lanes.turn(ann, bob)
    assert all(lease.suspicion == 0 for lease in bob.owned.values())


async def test_lane_that_beats_keeps_its_buckets_however_long_it_takes() -> None:
    lanes = Lanes()
    ann, bob = lanes.join("ann"), lanes.join("bob")
    for _ in range(3):
        await lanes.turn(ann, bob)
    before = dict(bob.owned)
    for _ in range(20):
        lanes.beats[bob.worker_id] += 1  # alive, but without a moment to look around
        await lanes.turn(ann, seconds=LEASE_S * 0.9)
    assert all(lanes.rows[bucket].owner == bob.worker_id for bucket in before)


async def test_lane_that_is_silent_past_the_lease_loses_everything_and_not_before() -> None:
    lanes = Lanes()
    ann, bob = lanes.join("ann"), lanes.join("bob")
    for _ in range(3):
        await lanes.turn(ann, bob)
    await lanes.turn(ann, seconds=0)  # sees bob's last beat: the lease runs from here
    for _ in range(3):
        await lanes.turn(ann, seconds=(LEASE_S - 0.1) / 3)
    assert sizes(ann) == [8]
    await lanes.turn(ann, seconds=0.2)
    assert sizes(ann) == [16]
    taken_over = [lease for bucket, lease in ann.owned.items() if bucket in bob.owned]
    assert len(taken_over) == 8
    assert {lease.suspicion for lease in taken_over} == {1}
    assert all(lanes.rows[bucket].epoch > lease.epoch for bucket, lease in bob.owned.items())
    await lanes.turn(ann)
    assert bob.worker_id not in lanes.beats, "it has to start over when it comes back"


async def test_lane_whose_session_is_gone_is_dead_at_once() -> None:
    lanes = Lanes()
    ann, bob = lanes.join("ann"), lanes.join("bob")
    for _ in range(3):
        await lanes.turn(ann, bob)
    lanes.gone.add(bob.worker_id)
    await lanes.turn(ann, seconds=0.1)
    assert sizes(ann) == [16]


async def test_lane_that_was_stalled_itself_does_not_take_the_others_for_dead() -> None:
    """After a long stop its own clock has jumped; the others' beats have moved meanwhile, and that counts."""
    lanes = Lanes()
    ann, bob = lanes.join("ann"), lanes.join("bob")
    for _ in range(3):
        await lanes.turn(ann, bob)
    lanes.clock_s += 3_600
    lanes.beats[bob.worker_id] += 1
    await lanes.turn(ann, seconds=0)
    assert sizes(ann) == [8]
    assert all(lanes.rows[bucket].owner == bob.worker_id for bucket in bob.owned)


async def test_lane_that_wakes_first_after_the_machine_stood_still_robs_nobody() -> None:
    lanes = Lanes()
    ann, bob = lanes.join("ann"), lanes.join("bob")
    for _ in range(3):
        await lanes.turn(ann, bob)
    lanes.clock_s += 3_600
    await ann.rebalance()
    assert sizes(ann) == [8], "it saw nothing for an hour, and so cannot say that bob was silent"
    await lanes.turn(ann, bob)
    assert sizes(ann, bob) == [8, 8]
    await lanes.turn(ann, seconds=0)
    await lanes.turn(ann, seconds=3_600)
    await lanes.turn(ann, seconds=3_600)
    assert sizes(ann) == [16], "two looks in a row are proof enough"


async def test_stalled_lane_drops_what_was_taken_over_meanwhile() -> None:
    lanes = Lanes()
    ann, bob = lanes.join("ann"), lanes.join("bob")
    for _ in range(3):
        await lanes.turn(ann, bob)
    old = dict(bob.owned)
    await lanes.turn(ann, seconds=0)
    for _ in range(4):
        await lanes.turn(ann, seconds=LEASE_S / 3)
    assert sizes(ann) == [16]
    lanes.beats[bob.worker_id] = 99  # back, before anybody has noticed that it owns nothing any more
    await bob.rebalance()
    assert not set(bob.owned.items()) & set(old.items())
    for _ in range(3):
        await lanes.turn(ann, bob)
    assert sizes(ann, bob) == [8, 8]
    lanes.check(ann, bob)


async def test_lane_that_leaves_in_order_leaves_everything_to_be_taken_at_once() -> None:
    lanes = Lanes()
    ann, bob = lanes.join("ann"), lanes.join("bob")
    for _ in range(3):
        await lanes.turn(ann, bob)
    await bob.release_all()
    assert bob.owned == {}
    assert bob.worker_id not in lanes.beats
    await lanes.turn(ann, seconds=0.1)
    assert sizes(ann) == [16]
    assert {lease.suspicion for lease in ann.owned.values()} == {0}


async def test_recovery_raises_the_epoch_and_keeps_what_was_suspected() -> None:
    lanes = Lanes(buckets=4)
    ann = lanes.join("ann")
    await lanes.turn(ann)
    ann.suspect({1, 2})
    before = dict(ann.owned)
    await ann.recover({1, 3})
    assert {b: lease.epoch - before[b].epoch for b, lease in ann.owned.items()} == {0: 0, 1: 1, 2: 0, 3: 1}
    assert {b: lease.suspicion for b, lease in ann.owned.items()} == {0: 0, 1: 1, 2: 1, 3: 0}


async def test_recovery_gives_up_what_another_lane_took() -> None:
    lanes = Lanes(buckets=4)
    ann = lanes.join("ann")
    await lanes.turn(ann)
    await lanes.take([lanes.rows[2]], b"bob")
    await ann.recover({1, 2})
    assert set(ann.owned) == {0, 1, 3}
    assert lanes.rows[2].owner == b"bob"


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["join", "turn", "turn", "turn", "die", "leave", "stall"]), st.integers(0, 3)),
    max_size=25,
)


@settings(max_examples=50, deadline=None)
@given(ACTIONS, st.integers(1, 20))
async def test_whatever_happens_a_bucket_has_one_owner_and_in_the_end_everybody_a_fair_share(
    actions: list[tuple[str, int]], buckets: int
) -> None:
    lanes = Lanes(buckets=buckets)
    alive: list[Leases] = [lanes.join("first")]
    for number, (action, which) in enumerate(actions):
        chosen = alive[which % len(alive)] if alive else None
        if action == "join" and len(alive) < 4:
            alive.append(lanes.join(f"lane{number:02}"))
        elif chosen is None:
            continue
        elif action == "die":
            alive.remove(chosen)
        elif action == "leave":
            alive.remove(chosen)
            await chosen.release_all()
        elif action == "stall":
            lanes.clock_s += 0.7
            await lanes.turn(*[lane for lane in alive if lane is not chosen], seconds=0.7)
        else:
            await lanes.turn(*alive)
        lanes.check(*alive)
    if not alive:
        alive.append(lanes.join("last"))
    for _ in range(12):
        lanes.clock_s += 0.5
        await lanes.turn(*alive)
    assert sum(sizes(*alive)) == buckets
    assert max(sizes(*alive)) - min(sizes(*alive)) <= 1
    assert sorted(bucket for lane in alive for bucket in lane.owned) == list(range(buckets))
    lanes.check(*alive)
