"""Who hangs together by referrals: against a plain walk along the links, and how deep the forest gets."""

from __future__ import annotations

import random

import pytest

from accrual.domain.facts import Identity
from accrual.engine.link_forest import LinkForest

WHO = Identity("name", "somebody")


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def depth(forest: LinkForest, member: bytes) -> int:
    steps, node = 0, forest.node(member)
    while node.above is not None:
        steps, node = steps + 1, forest.nodes[node.above]
    return steps


@pytest.mark.parametrize("seed", range(20))
def test_hanging_together_is_what_a_walk_along_the_links_finds(seed: int) -> None:
    chance = random.Random(seed)
    forest, referrer_of = LinkForest(0), dict[int, int]()
    refused = 0
    for _ in range(400):
        member, referrer = chance.randrange(60), chance.randrange(60)
        if member in referrer_of:
            continue
        above = referrer
        while above in referrer_of and above != member:
            above = referrer_of[above]
        cycle = above == member
        assert forest.hang_together(name(member), name(referrer)) is cycle
        if cycle:
            refused += 1
            continue
        referrer_of[member] = referrer
        forest.put(forest.linked(name(member), name(referrer), WHO))
    assert refused > 1
    assert len(referrer_of) > 40


def test_path_to_the_root_is_never_longer_than_log2_of_all() -> None:
    chain, pairs = LinkForest(0), LinkForest(0)
    for number in range(1, 4096):
        chain.put(chain.linked(name(number), name(number - 1), WHO))
    width = 1
    while width < 4096:  # the worst there is: trees of one size are united
        for start in range(0, 4096, 2 * width):
            pairs.put(pairs.linked(name(start), name(start + width), WHO))
        width *= 2
    assert max(depth(chain, name(number)) for number in range(4096)) == 1
    assert max(depth(pairs, name(number)) for number in range(4096)) == 12


def test_a_link_changes_three_nodes_at_most() -> None:
    forest = LinkForest(0)
    for number in range(1, 9):
        forest.put(forest.linked(name(number), name(number - 1), WHO))
    for number in range(11, 14):
        forest.put(forest.linked(name(number), name(number - 1), WHO))
    changed = forest.linked(name(10), name(8), WHO)
    assert len(changed) <= 3
    assert next(node for node in changed if node.member_id == name(10)).linked


def test_merged_member_leaves_link_and_tree_to_whom_they_became() -> None:
    forest = LinkForest(0)
    forest.put(forest.linked(name(1), name(2), WHO))
    forest.put(forest.joined(name(1), name(3)))
    assert forest.node(name(3)).linked
    assert forest.hang_together(name(2), name(3))
    assert forest.joined(name(7), name(3)) == []


def test_referral_without_a_referrer_is_a_link_to_nobody() -> None:
    forest = LinkForest(0)
    (node,) = forest.linked(name(1), None, None)
    assert (node.linked, node.referrer, node.above) == (True, None, None)
