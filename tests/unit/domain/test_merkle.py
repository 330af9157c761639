"""Merkle trees agree with the definitions of RFC 9162, and no proof convinces of what is not so."""

from __future__ import annotations

import hashlib
import random

import pytest

from accrual.domain import merkle
from accrual.domain.merkle import CompactRange, consistency_spans, inclusion_spans, is_consistent, is_included, proof_of

LEAVES = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The well-known eight leaves of Certificate Transparency's own tests, and the roots of their first 1 to 8."""


def _by_definition(data: list[bytes]) -> bytes:
    """MTH of section 2.1.1, written as it stands there."""
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    half = 1
    while half * 2 < len(data):
        half *= 2
    return hashlib.sha256(b"\x01" + _by_definition(data[:half]) + _by_definition(data[half:])).digest()


def test_roots_of_the_known_leaves() -> None:
    tree = CompactRange()
    assert tree.root() == merkle.EMPTY_ROOT
    for data, root in zip(LEAVES, ROOTS, strict=True):
        tree.append(merkle.leaf_hash(data))
        assert tree.root().hex() == root


def test_compact_range_is_the_definition_and_can_be_taken_up_again() -> None:
    data = [b"%d" % number for number in range(70)]
    tree = CompactRange()
    for size in range(1, 71):
        tree = CompactRange(tree.size, tree.hashes)
        tree.append(merkle.leaf_hash(data[size - 1]))
        assert tree.root() == _by_definition(data[:size])
        assert len(tree.hashes) == size.bit_count()


@pytest.mark.parametrize(("size", "hashes"), [(1, 0), (3, 1), (-1, 0), (0, 1)])
def test_compact_range_refuses_hashes_that_do_not_fit(size: int, hashes: int) -> None:
    with pytest.raises(ValueError, match="subtrees"):
        CompactRange(size, [bytes(32)] * hashes)


def test_every_inclusion_proof_holds_for_its_leaf_alone() -> None:
    hashes = [merkle.leaf_hash(b"%d" % number) for number in range(33)]
    for size in range(1, 34):
        root = merkle.root_of(hashes[:size])
        for index in range(size):
            proof = proof_of(hashes[:size], inclusion_spans(index, size))
            assert is_included(hashes[index], index, size, proof, root)
            assert not is_included(hashes[(index + 1) % 33], index, size, proof, root)
            assert not is_included(hashes[index], index, size, [*proof, bytes(32)], root)
            assert not is_included(hashes[index], index, size, proof, bytes(32))
            if proof:
                assert not is_included(hashes[index], index, size, proof[:-1], root)
            if size > 1:
                assert not is_included(hashes[index], (index + 1) % size, size, proof, root)


def test_every_consistency_proof_holds_for_its_trees_alone() -> None:
    hashes = [merkle.leaf_hash(b"%d" % number) for number in range(33)]
    roots = [merkle.root_of(hashes[:size]) for size in range(34)]
    for new in range(1, 34):
        for old in range(1, new + 1):
            proof = proof_of(hashes[:new], consistency_spans(old, new))
            assert is_consistent(old, new, proof, roots[old], roots[new])
            assert not is_consistent(old, new, proof, roots[old], bytes(32))
            assert not is_consistent(old, new, proof, bytes(32), roots[new])
            assert not is_consistent(old, new, [*proof, bytes(32)], roots[old], roots[new])
            if proof:
                assert not is_consistent(old, new, proof[:-1], roots[old], roots[new])


def test_no_proof_joins_a_history_that_was_rewritten() -> None:
    rng = random.Random(7)
    for _ in range(200):
        new = rng.randrange(2, 200)
        old = rng.randrange(1, new)
        hashes = [merkle.leaf_hash(rng.randbytes(4)) for _ in range(new)]
        forged = list(hashes)
        forged[rng.randrange(old)] = bytes(32)
        proof = proof_of(forged, consistency_spans(old, new))
        assert not is_consistent(old, new, proof, merkle.root_of(hashes[:old]), merkle.root_of(forged))


def test_proofs_that_need_missing_leaves_are_refused() -> None:
    with pytest.raises(ValueError, match="ends after 3"):
        proof_of([bytes(32)] * 3, inclusion_spans(0, 4))
    with pytest.raises(ValueError, match="no leaf 4"):
        inclusion_spans(4, 4)
    with pytest.raises(ValueError, match="cannot extend"):
        consistency_spans(5, 4)
