"""What a lane adds for entries of draws: what they may look at, what they cost, where they stand. It draws nothing itself."""

from __future__ import annotations

import hashlib

import msgspec

from accrual.domain.draws import DrawKey, DrawnRow, DrawSecret
from accrual.domain.log import Posting
from accrual.domain.outcomes import Booked
from accrual.domain.programme import Catalogue
from accrual.domain.transfers import Kind
from accrual.engine.purse import Purse
from accrual.engine.state import State
from accrual.engine.task import Task
from accrual.rules.draw_tables import UNCOMMITTED
from accrual.rules.snapshot import Judgement, Snapshot, nothing_to_spend

TAG_BYTES = 16


def tag_of(member_id: bytes, secret: bytes) -> bytes:
    """Stands for a member where receipts are made; nobody without the installation's secret can tell whose it is."""
    return hashlib.blake2b(member_id, key=secret, digest_size=TAG_BYTES, person=b"drawn member").digest()


def blinded(catalogue: Catalogue, secret: bytes) -> Catalogue:
    """The same with secrets that nothing is ever drawn with in earnest, for looking ahead: nobody learns what would be won."""
    return msgspec.structs.replace(
        catalogue,
        secrets=tuple(
            DrawSecret(
                promo_id=each.promo_id,
                round=UNCOMMITTED,
                secret=hashlib.blake2b(
                    b"%d" % each.promo_id, key=secret, digest_size=32, person=b"draw preview"
                ).digest(),
                since=each.since,
            )
            for each in catalogue.secrets
        ),
    )


def with_draws(snapshot: Snapshot, task: Task, state: State, purse: Purse | None, secret: bytes) -> Snapshot:
    """The snapshot with what an entry of a draw looks at besides."""
    bucket = task.command.bucket
    return msgspec.structs.replace(
        snapshot,
        ticket=task.ticket,
        tag=tag_of(task.member_id, secret),
        spendable=nothing_to_spend if purse is None else purse.available,
        drawn=lambda key: state.drawn[_place(bucket, key)],
    )


def costs_told(judgement: Judgement) -> tuple[Booked, ...]:
    """What entries took, as outcomes tell it."""
    return tuple(
        [
            Booked(Kind.REDEEM, cost.asset_id, -cost.amount, cost.details or {"draw": cost.promo})
            for cost in judgement.spent
        ]
    )


def keep_entries(task: Task, judgement: Judgement, state: State, posting: Posting) -> None:
    """The entries of a command stand: the next one of the bucket goes on from them."""
    command = task.command
    for drawn in judgement.drawn:
        state.drawn[_place(command.bucket, drawn.key)] = drawn.head
        posting.drawn.append(
            DrawnRow(
                *(command.bucket, *drawn.key, drawn.head.entries, command.position),
                *(drawn.units, task.member_id, drawn.head.chain),
            )
        )


def _place(bucket: int, key: DrawKey) -> tuple[int, int, int]:
    return bucket, key[0], key[1]
