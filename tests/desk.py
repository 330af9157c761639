"""Log, lanes and books in memory, decided by the real rules and the real processor. No database, no clock, no test here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from accrual.domain.chain import HEAD_FIRST
from accrual.domain.commands import (
    Command,
    Dialect,
    LoggedCommand,
    Reward,
    content_digest,
    decode_command,
    encode_command,
)
from accrual.domain.draws import DrawHead, DrawKey
from accrual.domain.facts import Fact, Identity, Purchase
from accrual.domain.held import HeldCommand, HeldCommandRow
from accrual.domain.ids import (
    bucket_of,
    bucket_of_ticket,
    member_account_id,
    member_id_of,
    ticket_of,
)
from accrual.domain.ids import member_of as member_of_identity
from accrual.domain.log import (
    AppendRow,
    EarningRow,
    Found,
    KeyHome,
    Known,
    Lease,
    MemberRow,
    OutcomeRow,
    ParkedRow,
    Posting,
    SnapshotRow,
    Sought,
)
from accrual.domain.lots import LotEvents, LotRow, LotUse, decode_lots
from accrual.domain.members import MemberProfile, PurchaseRow, decode_profile
from accrual.domain.outcomes import Outcome, Status, decode_outcome
from accrual.domain.programme import Asset, Catalogue, Settings, StoredAsset
from accrual.domain.promos import Promo, PromoVersion
from accrual.domain.referrals import HeldClaim, HeldRow, LinkNode, Sighting
from accrual.domain.rewards import RewardCode
from accrual.domain.stocks import StockKey
from accrual.domain.transfers import Kind, Line
from accrual.domain.undoing import AwardedLine, FoundTarget, HoldRow, ParkedFacts, Part, TargetRow, UndoneRow
from accrual.engine.keeping import NO_SEAL
from accrual.engine.load import fetch_shares, load, load_in_groups
from accrual.engine.process import EventOf, Processor
from accrual.engine.state import State
from accrual.engine.task import Task
from accrual.rules.compile import CompiledProgramme, compile_programme

PROGRAMME = 1
CLIENT = 3
START = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
"""Ten in the morning in Jakarta, on a Sunday."""

SETTINGS = Settings(code="demo", currency="IDR", minor_units=2, time_zone="Asia/Jakarta", late_limit=None)


def identity_of(name: str) -> Identity:
    return Identity("name", name)


def member_of(name: str) -> bytes:
    return member_id_of(PROGRAMME, "name", name)


def promo_of(**document: object) -> Promo:
    """A promo as a programme file writes it."""
    return msgspec.convert(document, Promo)


def catalogue_of(
    promos: Sequence[Promo | PromoVersion],
    *,
    settings: Settings = SETTINGS,
    assets: Sequence[str] = ("PTS", "LD"),
    revision: int = 1,
) -> Catalogue:
    """A catalogue; promos given as documents become first versions that hold from the beginning."""
    versions = [
        promo
        if isinstance(promo, PromoVersion)
        else PromoVersion(
            promo_version_id=100 + number, promo_id=number, version=1, revision=1, effective_from=None, promo=promo
        )
        for number, promo in enumerate(promos, 1)
    ]
    return Catalogue(
        programme_id=PROGRAMME,
        revision=revision,
        settings=settings,
        assets=tuple(StoredAsset(asset_id=n, asset=Asset(code=code)) for n, code in enumerate(assets, 1)),
        outlets=(),
        promos=tuple(versions),
    )


def no_event(command: Reward, logged: LoggedCommand, programme: CompiledProgramme) -> None:
    return None


@dataclass
class Books:
    """What a database would hold. It is a CommandLog and a StateSource, and takes postings as a store would."""

    buckets: int = 4
    log: dict[int, list[LoggedCommand]] = field(default_factory=dict)
    homes: dict[tuple[int, bytes], KeyHome] = field(default_factory=dict)
    bodies: dict[tuple[int, int], bytes] = field(default_factory=dict)
    leases: dict[int, Lease] = field(default_factory=dict)
    people: dict[bytes, MemberRow] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    lot_uses: list[LotUse] = field(default_factory=list)
    newest: dict[tuple[int, int], tuple[int, int | None]] = field(default_factory=dict)
    counts: dict[tuple[bytes, int, int, int], int] = field(default_factory=dict)
    outcomes: dict[tuple[int, int], OutcomeRow] = field(default_factory=dict)
    parked: dict[tuple[int, int], ParkedRow] = field(default_factory=dict)
    resumed: dict[tuple[int, int], int] = field(default_factory=dict)
    accounts: set[tuple[int, int]] = field(default_factory=set)
    stocks: dict[StockKey, int] = field(default_factory=dict)
    shares: dict[tuple[int, StockKey], int] = field(default_factory=dict)
    known: dict[bytes, MemberProfile] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)
    snapshots: list[SnapshotRow] = field(default_factory=list)
    hold_rows: dict[tuple[int, bytes], HoldRow] = field(default_factory=dict)
    undone_rows: list[UndoneRow] = field(default_factory=list)
    awaited: list[tuple[int, bytes, int]] = field(default_factory=list)
    earnings: list[EarningRow] = field(default_factory=list)
    link_nodes_: dict[tuple[int, bytes], LinkNode] = field(default_factory=dict)
    held_rows: dict[bytes, HeldRow] = field(default_factory=dict)
    sightings: set[Sighting] = field(default_factory=set)
    held_command_rows: dict[bytes, HeldCommandRow] = field(default_factory=dict)
    draw_ends: dict[tuple[int, int, int], DrawHead] = field(default_factory=dict)
    pools: dict[bytes, list[str]] = field(default_factory=dict)
    given: dict[bytes, list[int]] = field(default_factory=dict)
    # The same once more, by what it is looked up by.
    places: dict[bytes, LoggedCommand] = field(default_factory=dict)
    credits: dict[tuple[int, int], list[Line]] = field(default_factory=dict)
    uses: dict[tuple[int, int], list[LotUse]] = field(default_factory=dict)
    newest_snapshots: dict[tuple[int, int], SnapshotRow] = field(default_factory=dict)
    lines_at: dict[tuple[int, int], list[Line]] = field(default_factory=dict)
    assets: dict[tuple[int, int], int] = field(default_factory=dict)
    expired_lots: dict[tuple[int, int, int, int], int] = field(default_factory=dict)
    lots_of: dict[tuple[int, int, int], set[tuple[int, int, int, int]]] = field(default_factory=dict)
    undone_parts: dict[bytes, list[UndoneRow]] = field(default_factory=dict)
    keys: set[tuple[object, ...]] = field(default_factory=set)

    # The log.

    async def find(self, tickets: Sequence[tuple[int, bytes]]) -> dict[bytes, Known]:
        wanted = {ticket for _, ticket in tickets}
        return {k.ticket: k for k in self._known() if k.ticket in wanted}

    async def append(self, rows: Sequence[AppendRow], recorded_at: datetime) -> dict[bytes, Known] | None:
        if len({row.ticket for row in rows}) < len(rows) or any(row.ticket in self.places for row in rows):
            return None
        return {row.ticket: self._place(row, recorded_at) for row in rows}

    async def find_keys(self, keys: Sequence[tuple[int, int, bytes]]) -> dict[tuple[int, bytes], KeyHome]:
        return {(c, d): self.homes[c, d] for _, c, d in keys if (c, d) in self.homes}

    async def append_with_keys(
        self, rows: Sequence[AppendRow], homes: Sequence[KeyHome], recorded_at: datetime
    ) -> dict[bytes, Known] | None:
        if any((home.client_id, home.key_digest) in self.homes for home in homes):
            return None
        placed = await self.append(rows, recorded_at)
        if placed is not None:
            self.homes.update({(home.client_id, home.key_digest): home for home in homes})
        return placed

    async def backlog(self) -> Mapping[int, int]:
        waiting = {bucket: len(log) + 1 - self.lease(bucket).cursor for bucket, log in self.log.items()}
        return {bucket: count for bucket, count in waiting.items() if count}

    async def decided(self, places: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        return set(places) & set(self.outcomes)

    async def body_of(self, bucket: int, position: int) -> tuple[int, bytes] | None:
        body = self.bodies.get((bucket, position))
        return None if body is None else (int(Dialect.NATIVE), body)

    def _known(self) -> Iterable[Known]:
        for log in self.log.values():
            for command in log:
                yield Known(command.ticket, command.bucket, command.position, command.recorded_at, command.content)

    def _place(self, row: AppendRow, recorded_at: datetime) -> Known:
        log = self.log.setdefault(row.bucket, [])
        # As under the tail: recorded_at never decreases in a bucket.
        recorded_at = max([recorded_at, *[command.recorded_at for command in log[-1:]]])
        command = LoggedCommand(
            bucket=row.bucket,
            position=len(log) + 1,
            ticket=row.ticket,
            programme_id=row.programme_id,
            client_id=row.client_id,
            recorded_at=recorded_at,
            content=row.content,
            seal=row.seal,
            facts=row.facts,
            name=row.name,
        )
        log.append(command)
        self.places[row.ticket] = command
        if row.body is not None:
            self.bodies[row.bucket, command.position] = row.body
        return Known(row.ticket, row.bucket, command.position, recorded_at, row.content)

    # The state that deciding is loaded from.

    async def look_up(self, wanted: Mapping[int, Sequence[Sought]]) -> list[Found]:
        found: list[Found] = []
        for bucket in sorted(wanted):
            for member_id, account, whole in wanted[bucket]:
                balance, held = (None, None) if account is None else self.newest.get((bucket, account), (None, None))
                row = None if member_id is None or not (whole or balance is None) else self.people.get(member_id)
                found.append((len(found), row and row._replace(referrer=None), balance, held))
        return found

    async def marked(self, buckets: Sequence[int], at_most: int) -> dict[int, list[bytes]]:
        found: dict[int, list[bytes]] = {}
        for member_id, row in self.people.items():
            bucket = bucket_of(member_id, self.buckets)
            if bucket in buckets and (row.merged_into is not None or row.marks):
                found.setdefault(bucket, []).append(member_id)
        return {bucket: members[:at_most] for bucket, members in found.items()}

    async def links(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, Identity]:
        known = [self.people[m] for group in wanted.values() for m in group if m in self.people]
        return {row.member_id: row.referrer for row in known if row.referrer is not None}

    async def balances(self, wanted: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], tuple[int, int | None]]:
        places = [(bucket, account) for bucket, group in wanted.items() for account in group]
        return {place: self.newest[place] for place in places if place in self.newest}

    async def counters(
        self, wanted: Mapping[int, Sequence[tuple[bytes, int, int, int]]]
    ) -> dict[tuple[bytes, int, int, int], int]:
        return {key: self.counts[key] for group in wanted.values() for key in group if key in self.counts}

    async def fetch_shares(
        self, wanted: Sequence[tuple[int, StockKey, int]]
    ) -> dict[tuple[int, StockKey], tuple[int, bool]]:
        """As much of each stock as is wanted, one unit at least, while there is any."""
        found = {}
        for bucket, key, units in wanted:
            share = self.shares.get((bucket, key), 0)
            left = self.stocks.get(key, key.cap)
            more = min(left, max(units - share, 0 if share else 1))
            self.stocks[key] = left - more
            self.shares[bucket, key] = share + more
            found[bucket, key] = (share + more, left == more)
        return found

    async def quotas(self, wanted: Sequence[StockKey]) -> dict[StockKey, int]:
        return {key: self.stocks.get(key, key.cap) for key in wanted}

    async def reward_codes(self, wanted: Mapping[bytes, int]) -> dict[bytes, list[RewardCode]]:
        found = {}
        for subject, count in wanted.items():
            codes = [RewardCode(number, code) for number, code in enumerate(self.pools.get(subject, ()), 1)]
            found[subject] = codes[max(self.given.get(subject, [0])) :][:count]
        return found

    async def draw_heads(self, wanted: Mapping[int, Sequence[DrawKey]]) -> dict[tuple[int, int, int], DrawHead]:
        places = [(bucket, *key) for bucket, keys in wanted.items() for key in keys]
        return {place: self.draw_ends[place] for place in places if place in self.draw_ends}

    async def profiles(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, MemberProfile]:
        return {m: self.known[m] for group in wanted.values() for m in group if m in self.known}

    async def history(self, wanted: Mapping[int, Sequence[bytes]], since: datetime) -> dict[bytes, list[PurchaseRow]]:
        members = {member for group in wanted.values() for member in group}
        found: dict[bytes, list[PurchaseRow]] = {}
        for log in self.log.values():
            for command in reversed(log):
                decided = (command.bucket, command.position) in self.outcomes
                reward = decode_command(command.facts) if decided and command.recorded_at >= since else None
                if not isinstance(reward, Reward):
                    continue
                who = member_id_of(command.programme_id, reward.identity.kind, reward.identity.value)
                for fact in reward.facts:
                    if who in members and isinstance(fact, Purchase):
                        at = fact.occurred_at or command.recorded_at
                        row = PurchaseRow(at, command.recorded_at, command.position, fact.amount_minor or 0)
                        found.setdefault(who, []).append(row)
        return found

    async def lots(self, wanted: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], LotEvents]:
        """From the newest snapshot on, as a store would read them."""
        found = {}
        for bucket, accounts in wanted.items():
            for account in accounts:
                place = (bucket, account)
                newest = self.newest_snapshots.get(place)
                since, lots = (0, []) if newest is None else (newest.position, decode_lots(newest.lots))
                credits = [
                    LotRow(k.position, k.leg, k.amount, k.expires_at, k.active_at, k.origin)
                    for k in self.credits.get(place, [])
                    if k.position > since
                ]
                uses = [(u.lot_position, u.lot_leg, u.amount) for u in self.uses.get(place, []) if u.position > since]
                found[place] = LotEvents(since, lots, credits, uses)
        return found

    async def targets(self, wanted: Mapping[bytes, int]) -> dict[bytes, FoundTarget]:
        return {ticket: self._target(ticket, programme_id) for ticket, programme_id in wanted.items()}

    def _target(self, ticket: bytes, programme_id: int) -> FoundTarget:
        bucket = bucket_of_ticket(ticket)
        command = self.places.get(ticket)
        if command is None or command.bucket != bucket or (bucket, command.position) not in self.outcomes:
            return FoundTarget(ticket, None)
        position = self.resumed.get((bucket, command.position), command.position)
        row = self.outcomes[bucket, position]
        outcome = decode_outcome(row.payload)
        if outcome.status is Status.FORWARDED:
            return self._target(outcome.follow_ups[0], programme_id)
        identity = decode_command(command.facts).identity
        member_id = member_of_identity(programme_id, identity.kind, identity.value)
        owners = [member_id]
        while (became := self.people[member_id].merged_into if member_id in self.people else None) is not None:
            member_id = became
            if member_id in owners:
                break
            owners.append(member_id)
        homes = [bucket, *[bucket_of(owner, self.buckets) for owner in owners]]
        row = TargetRow(
            ticket=command.ticket,
            bucket=bucket,
            position=position,
            programme_id=programme_id,
            recorded_at=command.recorded_at,
            facts=command.facts,
            status=row.status,
            payload=row.payload,
            owners=tuple(owners),
            awarded=tuple(
                AwardedLine(k.account, k.leg, k.amount, k.active_at, self._expired((bucket, position, k.leg)))
                for k in sorted(self.lines_at.get((bucket, position), []), key=lambda k: k.leg)
                if k.kind == Kind.AWARD
            ),
            follow_ups=tuple((t, self.by_ticket(t).facts) for t in outcome.follow_ups),
            homes=tuple(sorted(set(homes))),
        )
        return FoundTarget(ticket, row)

    def _expired(self, origin: tuple[int, int, int]) -> int:
        return sum(self.expired_lots.get(lot, 0) for lot in self.lots_of.get(origin, ()))

    async def undone(self, wanted: Mapping[bytes, Sequence[int]]) -> dict[bytes, dict[Part, int]]:
        found: dict[bytes, dict[Part, int]] = {}
        for target, buckets in wanted.items():
            for row in self.undone_parts.get(target, []):
                if row.bucket in buckets:
                    parts, part = found.setdefault(target, {}), (row.award, row.fact, row.line)
                    parts[part] = max(parts.get(part, 0), row.units_after)
        return found

    async def holds(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[tuple[int, bytes], HoldRow]:
        places = [(bucket, ticket) for bucket, group in wanted.items() for ticket in group]
        return {place: self.hold_rows[place] for place in places if place in self.hold_rows}

    async def awaiting(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, tuple[bytes, ...]]:
        found: dict[bytes, tuple[bytes, ...]] = {}
        for b, target, p in self.awaited:
            if target in wanted.get(b, ()) and (b, p) not in self.resumed:
                found[target] = (*found.get(target, ()), self.log[b][p - 1].ticket)
        return found

    async def earned(
        self, wanted: Mapping[int, Sequence[int]], since: datetime
    ) -> dict[tuple[int, int], list[tuple[datetime, int]]]:
        found: dict[tuple[int, int], list[tuple[datetime, int]]] = {}
        for bucket, group in wanted.items():
            for place in ((bucket, account) for account in group):
                moments = [(k.occurred_at, k.amount) for k in self.credits.get(place, []) if k.kind == Kind.AWARD]
                moments += [(e.occurred_at, e.units) for e in self.earnings if (e.bucket, e.account) == place]
                found[place] = [(moment, units) for moment, units in moments if moment >= since]
        return found

    async def parked_facts(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, ParkedFacts]:
        found = {}
        for bucket, tickets in wanted.items():
            for ticket in tickets:
                command = self.places.get(ticket)
                if command is None or command.bucket != bucket:
                    continue
                place = (bucket, command.position)
                if place in self.parked and place not in self.resumed:
                    found[ticket] = ParkedFacts(command.position, command.recorded_at, self.parked[place].facts)
        return found

    async def link_nodes(self, bucket: int, members: Sequence[bytes]) -> list[LinkNode]:
        found: dict[bytes, LinkNode] = {}
        for member in members:
            node = self.link_nodes_.get((bucket, member))
            while node is not None and node.member_id not in found:
                found[node.member_id] = node
                node = None if node.above is None else self.link_nodes_[bucket, node.above]
        return list(found.values())

    async def held_claims(self, bucket: int, claims: Sequence[bytes]) -> dict[bytes, HeldClaim]:
        rows = [
            self.held_rows[claim]
            for claim in claims
            if claim in self.held_rows and self.held_rows[claim].bucket == bucket
        ]
        commands = [(row, self.log[bucket][row.position - 1]) for row in rows]
        return {row.claim: HeldClaim(row, c.client_id, c.recorded_at, c.facts) for row, c in commands}

    async def held_commands(self, bucket: int, tickets: Sequence[bytes]) -> dict[bytes, HeldCommand]:
        rows = [self.held_command_rows[t] for t in tickets if t in self.held_command_rows]
        commands = [(row, self.log[bucket][row.position - 1]) for row in rows if row.bucket == bucket]
        return {row.ticket: HeldCommand(row, c.client_id, c.recorded_at, c.facts) for row, c in commands}

    async def shared_installs(self, wanted: Sequence[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]]:
        seen = [(sighting.install, sighting.member_id) for sighting in self.sightings]
        return {(i, m) for i, m in wanted if any(known == i and who != m for known, who in seen)}

    # The lanes.

    def lease(self, bucket: int) -> Lease:
        return self.leases.setdefault(bucket, Lease(bucket, 1, 1, HEAD_FIRST, 1, 0))

    def waiting(self, bucket: int, count: int | None = None) -> list[LoggedCommand]:
        """Undecided commands of a bucket, oldest first."""
        start = self.lease(bucket).cursor - 1
        return self.log.get(bucket, [])[start : None if count is None else start + count]

    async def book(self, posting: Posting) -> None:
        """Write a posting, as strict about keys and cursors as the tables are."""
        for advance in posting.advances:
            lease = self.lease(advance.bucket)
            assert (advance.prior_cursor, advance.epoch) == (lease.cursor, lease.epoch), "the fence"
            self.leases[advance.bucket] = lease._replace(
                cursor=advance.cursor, chain=advance.chain, outbox_next=advance.outbox_next
            )
        for member in posting.members:
            assert member.member_id not in self.people, "a member is enrolled once"
            self.people[member.member_id] = MemberRow(member.member_id, None, member.name, None, member.enrolled_at)
        for rename in posting.renames:
            self.people[rename.member_id] = self.people[rename.member_id]._replace(name=rename.name)
        for link in posting.links:
            assert self.people[link.member_id].referrer is None, "a link is for life"
            self.people[link.member_id] = self.people[link.member_id]._replace(referrer=link.referrer)
        for account in posting.accounts:
            assert (account.bucket, account.account_id) not in self.accounts, "an account is opened once"
            self.accounts.add((account.bucket, account.account_id))
            self.assets[account.bucket, account.account_id] = account.asset_id
        for line in posting.lines:
            assert (line.bucket, line.account) in self.accounts, "a line needs its account"
            self.newest[line.bucket, line.account] = (line.balance_after, line.held_after)
            self._index(line)
        for use in posting.lot_uses:
            self._once("lot_use", use.bucket, use.account, use.position, use.lot_position, use.lot_leg, use.kind)
            self.uses.setdefault((use.bucket, use.account), []).append(use)
            if use.kind == Kind.EXPIRE:
                lot = (use.bucket, use.account, use.lot_position, use.lot_leg)
                self.expired_lots[lot] = self.expired_lots.get(lot, 0) + use.amount
        self.lines.extend(posting.lines)
        self.lot_uses.extend(posting.lot_uses)
        for row in posting.counters:
            self.counts[row.member_id, row.promo_id, row.slot, row.period] = row.value_after
        for stock in posting.shares:
            key = StockKey(*stock[1:6])
            self.shares[stock.bucket, key] -= stock.used
            assert self.shares[stock.bucket, key] >= 0, "a share is never overdrawn"
        for stock in posting.quotas:
            key = StockKey(*stock[1:6])
            self.stocks[key] = self.stocks.get(key, key.cap) - stock.used
            assert self.stocks[key] >= 0, "a cap is never passed"
        for bucket, subject, number, _ in posting.codes:
            self._once("reward_given", bucket, subject, number)
            self.given.setdefault(subject, []).append(number)
        for mark in posting.marks:
            row = self.people[mark.member_id]
            self.people[mark.member_id] = row._replace(marks=mark.marks, merged_into=mark.merged_into)
        self.snapshots.extend(posting.snapshots)
        for snapshot in posting.snapshots:
            self._once("lot_snapshot", snapshot.bucket, snapshot.account, snapshot.position)
            self.newest_snapshots[snapshot.bucket, snapshot.account] = snapshot
        for hold in posting.holds:
            self.hold_rows[hold.bucket, hold.hold_id] = hold
        for bucket, hold_id, position in posting.released:
            assert self.hold_rows[bucket, hold_id].resolved_position is None, "a hold ends once"
            self.hold_rows[bucket, hold_id] = self.hold_rows[bucket, hold_id]._replace(resolved_position=position)
        self.undone_rows.extend(posting.undone)
        for undone in posting.undone:
            self._once("undone", *undone[:6])
            self.undone_parts.setdefault(undone.target, []).append(undone)
        self.awaited.extend(posting.awaited)
        for earning in posting.earnings:
            self._once("earning", *earning[:4])
        self.earnings.extend(posting.earnings)
        for profile in posting.profiles:
            self.known[profile.member_id] = decode_profile(profile.document)
        self.link_nodes_.update({(node.bucket, node.member_id): node for node in posting.link_nodes})
        self.held_rows.update({row.claim: row for row in posting.held})
        self.sightings.update(posting.sightings)
        self.held_command_rows.update({row.ticket: row for row in posting.held_commands})
        for drawn in posting.drawn:
            self._once("draw_entry", *drawn[:4])
            self.draw_ends[drawn.bucket, drawn.promo_id, drawn.round] = DrawHead(drawn.number, drawn.chain)
        for outcome in posting.outcomes:
            assert (outcome.bucket, outcome.position) not in self.outcomes, "a command is answered once"
            self.outcomes[outcome.bucket, outcome.position] = outcome
        for parked in posting.parked:
            self.parked[parked.bucket, parked.position] = parked
        for bucket, position, at in posting.resumed:
            assert (bucket, position) not in self.resumed, "a parked command is resumed once"
            self.resumed[bucket, position] = at
        for follow_up in posting.follow_ups:
            self._place(follow_up, posting.recorded_at)
        self.postings.append(posting)

    def _once(self, table: str, *key: object) -> None:
        assert (table, *key) not in self.keys, f"{table} has this key already"
        self.keys.add((table, *key))

    def _index(self, line: Line) -> None:
        self._once("line", line.bucket, line.account, line.position, line.leg)
        self.lines_at.setdefault((line.bucket, line.position), []).append(line)
        if line.amount <= 0 or line.account < 1 << 24:
            return
        self.credits.setdefault((line.bucket, line.account), []).append(line)
        origin = line.origin or (line.bucket, line.position, line.leg)
        self.lots_of.setdefault(origin, set()).add((line.bucket, line.account, line.position, line.leg))

    # What people ask.

    def outcome(self, command: LoggedCommand | Known) -> Outcome:
        return decode_outcome(self.outcomes[command.bucket, command.position].payload)

    def by_ticket(self, ticket: bytes) -> LoggedCommand:
        known = self.places.get(ticket)
        return known or next(command for log in self.log.values() for command in log if command.ticket == ticket)

    def balance(self, name: str, asset_id: int = 1, role: int = 0) -> int:
        member_id = member_of(name)
        place = (bucket_of(member_id, self.buckets), member_account_id(member_id, asset_id, role))
        return self.newest.get(place, (0, None))[0]

    def held(self, name: str, asset_id: int = 1) -> int:
        member_id = member_of(name)
        place = (bucket_of(member_id, self.buckets), member_account_id(member_id, asset_id, 0))
        return self.newest.get(place, (0, None))[1] or 0


class Desk:
    """One programme's books with one lane over them."""

    def __init__(self, catalogue: Catalogue, *, buckets: int = 4, event_of: EventOf = no_event) -> None:
        self.books = Books(buckets=buckets)
        self.state = State(members_max=1_000)
        self.programme = compile_programme(catalogue)
        self.processor = Processor(
            self.state, buckets=buckets, event_of=event_of, describe=lambda error: type(error).__name__
        )
        self.now = START
        self.client = "till"
        self._sent = 0

    def revise(self, catalogue: Catalogue) -> None:
        """From now on commands are judged by this catalogue."""
        self.programme = compile_programme(catalogue)

    def log(self, name: str, *facts: Fact, member_name: str | None = None, key: bytes | None = None) -> LoggedCommand:
        """A reward command at the end of the member's log, recorded now."""
        reward = Reward(dialect=Dialect.NATIVE, action="test", identity=identity_of(name), facts=facts)
        return self.log_command(reward, member_name=member_name, key=key)

    def log_command(
        self, command: Command, *, member_name: str | None = None, key: bytes | None = None
    ) -> LoggedCommand:
        return self.log_bytes(command.identity, encode_command(command), member_name=member_name, key=key)

    def log_bytes(
        self,
        identity: Identity,
        facts: bytes,
        *,
        member_name: str | None = None,
        key: bytes | None = None,
        programme_id: int = PROGRAMME,
    ) -> LoggedCommand:
        self._sent += 1
        member_id = member_of_identity(programme_id, identity.kind, identity.value)
        bucket = bucket_of(member_id, self.books.buckets)
        ticket = ticket_of(programme_id, CLIENT, member_id, key or b"r%d" % self._sent, bucket)
        row = AppendRow(
            bucket, ticket, programme_id, CLIENT, content_digest(facts), NO_SEAL, facts, b"", member_name, None
        )
        known = self.books._place(row, self.now)
        return self.books.log[bucket][known.position - 1]

    async def tasks(self, commands: Sequence[LoggedCommand]) -> list[Task]:
        return await load(commands, self.state, self.books, self.programme_of, lambda client_id: self.client)

    def programme_of(self, programme_id: int) -> CompiledProgramme:
        assert programme_id == PROGRAMME
        return self.programme

    async def decide_batch(self, wanted: Mapping[int, int]) -> Posting:
        """One batch: so many commands of each bucket, loaded, decided and booked."""
        commands = [command for bucket in sorted(wanted) for command in self.books.waiting(bucket, wanted[bucket])]
        leases = {command.bucket: self.books.lease(command.bucket) for command in commands}
        posting = self.processor.begin(self.now)
        loaded = load_in_groups(commands, self.state, self.books, self.programme_of, lambda client_id: self.client)
        async with aclosing(loaded) as groups:
            async for tasks in groups:
                self.processor.decide_more(tasks, leases, posting)
        await self.books.book(posting)
        if self.processor.shorts:
            wanted_stocks = {(bucket, key): units for bucket, key, units in self.processor.shorts}
            await fetch_shares(wanted_stocks, self.state, self.books)
        return posting

    async def decide_all(self, rows_max: int | None = None) -> None:
        """Batches until nothing waits, follow-ups included; at most `rows_max` commands of each bucket a batch."""
        while True:
            wanted = {b: rows_max or len(self.books.log[b]) for b in self.books.log if self.books.waiting(b)}
            if not wanted:
                return
            await self.decide_batch(wanted)

    async def settle_one(self, name: str, *facts: Fact, member_name: str | None = None) -> Outcome:
        """Log one command, decide everything, answer its own outcome."""
        command = self.log(name, *facts, member_name=member_name)
        await self.decide_all()
        return self.books.outcome(command)

    def forget(self) -> None:
        """As after a restart: nothing is remembered, everything is read again."""
        self.state.forget()

    def later(self, **of_delta: int) -> None:
        self.now += timedelta(**of_delta)
