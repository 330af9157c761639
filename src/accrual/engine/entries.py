"""What a lane adds for entries of draws: what they may look at, what they cost, where they stand. It draws nothing itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache

import msgspec

from accrual.domain.draws import DrawHead, DrawKey, DrawnRow, DrawSecret
from accrual.domain.outcomes import Booked
from accrual.domain.programme import Catalogue
from accrual.domain.transfers import Kind
from accrual.engine.draft import CommandDraft
from accrual.engine.purse import Purse
from accrual.engine.state import State
from accrual.engine.task import Task
from accrual.rules.draw_tables import UNCOMMITTED
from accrual.rules.snapshot import Judgement, nothing_drawn, nothing_to_spend

TAG_BYTES = 16


def tag_of(member_id: bytes, secret: bytes) -> bytes:
    """Stands for a member where receipts are made; nobody without the installation's secret can tell whose it is."""
    digest = _tagging(secret).copy()
    digest.update(member_id)
    return digest.digest()


@lru_cache(maxsize=4)
def _tagging(secret: bytes) -> hashlib.blake2b:
    """A tag of nobody yet; to copy it takes a third of the time that making it takes."""
    return hashlib.blake2b(key=secret, digest_size=TAG_BYTES, person=b"drawn member")


def blinded(catalogue: Catalogue) -> Catalogue:
    """The same with secrets that nothing is ever drawn with in earnest, for looking ahead: nobody learns what would be won."""
    return msgspec.structs.replace(
        catalogue,
        secrets=tuple(
            DrawSecret(
                promo_id=each.promo_id,
                round=UNCOMMITTED,
                secret=hashlib.blake2b(b"%d" % each.promo_id, digest_size=32, person=b"draw preview").digest(),
                since=each.since,
                scheme=each.scheme,
            )
            for each in catalogue.secrets
        ),
    )


def with_key(catalogue: Catalogue, key: bytes | None) -> Catalogue:
    """The same with the hosts' part of the secrets of draws, as only workers need it."""
    return msgspec.structs.replace(catalogue, secrets=tuple([each.with_key(key) for each in catalogue.secrets]))


LookedAt = tuple[bytes, bytes, Callable[[int], int], Callable[[DrawKey], DrawHead | None]]
"""What an entry of a draw looks at besides, in the order of Snapshot: ticket, tag, spendable, drawn."""

NO_DRAWS: LookedAt = (b"", b"", nothing_to_spend, nothing_drawn)
"""The same where nothing is drawn."""


def what_draws_look_at(task: Task, state: State, purse: Purse | None, secret: bytes | None) -> LookedAt:
    """What an entry of a draw looks at, out of a lane's state; without the secret, in a preview, members have no tag."""
    bucket, heads = task.command.bucket, state.drawn

    def drawn(key: DrawKey) -> DrawHead | None:
        return heads[bucket, key[0], key[1]]

    spendable = nothing_to_spend if purse is None else purse.available
    tag = bytes(TAG_BYTES) if secret is None else tag_of(task.member_id, secret)
    return task.ticket, tag, spendable, drawn


def costs_told(judgement: Judgement) -> tuple[Booked, ...]:
    """What entries took, as outcomes tell it."""
    return tuple(
        [
            Booked(Kind.REDEEM, cost.asset_id, -cost.amount, cost.details or {"draw": cost.promo})
            for cost in judgement.spent
        ]
    )


def keep_entries(task: Task, judgement: Judgement, state: State, draft: CommandDraft) -> None:
    """The entries of a command stand: the next one of the bucket goes on from them."""
    bucket, position, member_id = task.command.bucket, task.command.position, task.member_id
    for drawn in judgement.drawn:
        (promo_id, number), head = drawn.key, drawn.head
        draft.put(state.drawn, (bucket, promo_id, number), head)
        row = DrawnRow(bucket, promo_id, number, head.entries, position, drawn.units, member_id, head.chain)
        draft.add(draft.posting.drawn, row)
