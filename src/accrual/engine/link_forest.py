"""Who hangs together by referrals: a forest of members in which two of one tree are at most log2 n steps from its root.

Nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Iterable

from accrual.domain.facts import Identity
from accrual.domain.referrals import LinkNode
from accrual.engine.draft import Draft


class LinkForest:
    """The nodes of one programme's links that were loaded, each with all that stand above it.

    Trees are united by size and their paths never shortened: a node changes only when it stops being a root or is one,
    so a command writes three rows at most, and a path in a forest of n has at most log2 n steps.
    """

    __slots__ = ("_bucket", "nodes")

    def __init__(self, bucket: int) -> None:
        self._bucket = bucket
        self.nodes: dict[bytes, LinkNode] = {}

    def node(self, member_id: bytes) -> LinkNode:
        """A member's node; one of its own for whoever has nothing to do with referrals yet."""
        return self.nodes.get(member_id) or LinkNode(self._bucket, member_id)

    def root(self, member_id: bytes) -> LinkNode:
        """The root of a member's tree."""
        node = self.node(member_id)
        while node.above is not None:
            node = self.nodes[node.above]
        return node

    def hang_together(self, one: bytes, other: bytes) -> bool:
        """Whether two members are in one tree."""
        return one == other or self.root(one).member_id == self.root(other).member_id

    def linked(self, member_id: bytes, referrer_id: bytes | None, referrer: Identity | None) -> list[LinkNode]:
        """The nodes that stand anew when a member is referred, by nobody named if None. They must not hang together."""
        changed = [] if referrer_id is None else self._united(member_id, referrer_id)
        return _with(changed, self.node(member_id), linked=True, referrer=referrer)

    def joined(self, merged: bytes, into: bytes) -> list[LinkNode]:
        """The nodes that stand anew when one member becomes part of another; a link of the former goes on as theirs."""
        if merged not in self.nodes:
            return []  # nothing hangs on them
        changed = [] if self.hang_together(merged, into) else self._united(merged, into)
        old, new = self.nodes[merged], self.node(into)
        if old.linked and not new.linked:
            changed = _with(changed, new, linked=True, referrer=old.referrer)
        return changed

    def put(self, nodes: Iterable[LinkNode]) -> None:
        """Add nodes that were read, outside of any draft."""
        for node in nodes:
            self.nodes[node.member_id] = node

    def change(self, nodes: Iterable[LinkNode], draft: Draft) -> None:
        """These stand from now on."""
        for node in nodes:
            draft.put(self.nodes, node.member_id, node)

    def _united(self, one: bytes, other: bytes) -> list[LinkNode]:
        """The smaller tree's root goes under the larger's; of equals, the first one's under the second's."""
        small, large = self.root(one), self.root(other)
        if small.size > large.size:
            small, large = large, small
        return [
            small._replace(above=large.member_id),
            large._replace(size=large.size + small.size),
        ]


def _with(changed: list[LinkNode], node: LinkNode, *, linked: bool, referrer: Identity | None) -> list[LinkNode]:
    """The changed nodes, this one among them as it stands after its own change."""
    known = next((each for each in changed if each.member_id == node.member_id), node)
    rest = [each for each in changed if each.member_id != node.member_id]
    return [*rest, known._replace(linked=linked, referrer=referrer)]
