"""Rows of the command log and of the lanes as values that pass between engine and store. No SQL, no decisions."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from accrual.domain.draws import DrawnRow
from accrual.domain.facts import Identity
from accrual.domain.held import HeldCommandRow
from accrual.domain.lots import LotUse
from accrual.domain.referrals import HeldRow, LinkNode, Sighting
from accrual.domain.transfers import Line
from accrual.domain.undoing import HoldRow, UndoneRow


class AppendRow(NamedTuple):
    """One command on its way into the log, in the order of the append statement's arrays.

    Follow-ups have no erasable part: salt, name and body are None.
    """

    bucket: int
    ticket: bytes
    programme_id: int
    client_id: int
    content: bytes
    seal: bytes
    facts: bytes
    salt: bytes | None
    name: str | None
    body: bytes | None


class KeyHome(NamedTuple):
    """Where a key that is unique over a whole client lives: in the bucket of the key's own digest."""

    bucket: int
    client_id: int
    key_digest: bytes
    ticket: bytes
    content: bytes


class Known(msgspec.Struct, frozen=True, gc=False):
    """A command that is in the log."""

    ticket: bytes
    bucket: int
    position: int
    recorded_at: datetime
    content: bytes


class LaneRow(NamedTuple):
    """One bucket's lane as stored. `owner` is a worker_id or None; `cursor` the next position to read."""

    bucket: int
    cursor: int
    epoch: int
    owner: bytes | None
    clean: bool


class Lease(NamedTuple):
    """A bucket that this lane owns, and the state its next batch is loaded from.

    `suspicion` counts how often its lane died lately without letting go of it in order: its next batches are small,
    until `careful` more commands have been decided.
    """

    bucket: int
    cursor: int
    epoch: int
    chain: bytes
    outbox_next: int
    suspicion: int
    careful: int = 0


class WorkerRow(NamedTuple):
    """One lane process as stored. `connected` tells whether the session it registered with still exists."""

    worker_id: bytes
    beat: int
    backend_pid: int
    connected: bool
    label: str


class MemberRow(NamedTuple):
    """A member as stored, with the link to the referrer if there is one."""

    member_id: bytes
    merged_into: bytes | None
    name: str | None
    referrer: Identity | None
    enrolled_at: datetime | None = None
    marks: int = 0


Sought = tuple[bytes | None, int | None, bool]
"""A member and one of their accounts, to be looked for in one go; either may be None. Without the flag the member is looked for
only where the account has no line: where it has one, there is the member."""

Found = tuple[int, MemberRow | None, int | None, int | None]
"""What was found of one sought: its place among those sought, in the order of their buckets; the member; the balance and held
amount of the account. None what there is not, or was not looked for."""


class NewMember(NamedTuple):
    """A member to enrol with their first identity, in column order."""

    bucket: int
    member_id: bytes
    programme_id: int
    enrolled_at: datetime
    enrolled_position: int
    name: str | None
    identity: Identity


class Rename(NamedTuple):
    """A member's new name."""

    bucket: int
    member_id: bytes
    name: str


class Mark(NamedTuple):
    """What a member is marked with from now on (domain.members), and whom they were merged into."""

    bucket: int
    member_id: bytes
    marks: int
    merged_into: bytes | None


class SnapshotRow(NamedTuple):
    """The open lots of an account after a position, encoded."""

    bucket: int
    account: int
    position: int
    lots: bytes


class Link(NamedTuple):
    """Who referred a member: set once, for life."""

    bucket: int
    member_id: bytes
    position: int
    referrer: Identity


class NewAccount(NamedTuple):
    """An account to open, in column order. System accounts have neither member nor floor."""

    bucket: int
    account_id: int
    programme_id: int
    asset_id: int
    role: int
    member_id: bytes | None
    floor: int | None


class CounterRow(NamedTuple):
    """A counter's value after a position, in column order; the newest wins."""

    bucket: int
    member_id: bytes
    promo_id: int
    slot: int
    period: int
    position: int
    value_after: int


class OutcomeRow(NamedTuple):
    """The stored answer to one command, in column order."""

    position: int
    bucket: int
    status: int
    chain: bytes
    payload: bytes


class OutboxRow(NamedTuple):
    """One event to send, in column order; sequences of a bucket have no gaps."""

    bucket: int
    sequence: int
    position: int
    recorded_at: datetime
    kind: str
    payload: bytes


class ParkedRow(NamedTuple):
    """A command that could not be decided. `facts` are its stored bytes."""

    bucket: int
    position: int
    parked_at: datetime
    error: str
    facts: bytes


class Advance(NamedTuple):
    """How a batch moves one bucket's lane: refused unless epoch and prior_cursor are still what they were."""

    bucket: int
    prior_cursor: int
    cursor: int
    epoch: int
    chain: bytes
    outbox_next: int
    suspicion: int = 0


class StockRow(NamedTuple):
    """What was used (above 0) or given back (below 0) of a shared stock, in key order.

    With an empty subject it is the bucket's share of a promo's own stock, else an outlet's or device's, in the bucket of
    the subject. `cap` is all there is in the period.
    """

    bucket: int
    subject: bytes
    promo_id: int
    slot: int
    period: int
    cap: int
    used: int


class ProfileRow(NamedTuple):
    """A member's profile after a position, in column order; the newest holds."""

    bucket: int
    member_id: bytes
    position: int
    document: bytes


class EarningRow(NamedTuple):
    """What counts towards levels besides award lines, in column order: units at the moment they count for."""

    bucket: int
    account: int
    position: int
    occurred_at: datetime
    units: int


class Posting(NamedTuple):
    """Everything one batch writes, in one transaction."""

    advances: list[Advance]
    outcomes: list[OutcomeRow]
    lines: list[Line]
    lot_uses: list[LotUse]
    members: list[NewMember]
    renames: list[Rename]
    links: list[Link]
    accounts: list[NewAccount]
    counters: list[CounterRow]
    unposted: list[tuple[int, bytes, int]]
    outbox: list[OutboxRow]
    parked: list[ParkedRow]
    resumed: list[tuple[int, int, int]]
    follow_ups: list[AppendRow]
    recorded_at: datetime
    shares: list[StockRow]
    quotas: list[StockRow]
    profiles: list[ProfileRow]
    marks: list[Mark]
    snapshots: list[SnapshotRow]
    holds: list[HoldRow]
    released: list[tuple[int, bytes, int]]
    undone: list[UndoneRow]
    awaited: list[tuple[int, bytes, int]]
    codes: list[tuple[int, bytes, int, UUID]]
    earnings: list[EarningRow]
    link_nodes: list[LinkNode]
    held: list[HeldRow]
    sightings: list[Sighting]
    drawn: list[DrawnRow]
    held_commands: list[HeldCommandRow]
