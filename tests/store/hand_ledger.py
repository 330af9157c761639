"""A small correct ledger written row by row, without the lane: what reading and verifying are tested on. No test here."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from accrual.domain.accounts import FLOOR_ZERO, Role
from accrual.domain.chain import HEAD_FIRST, STORED_BYTES, advance
from accrual.domain.commands import (
    Command,
    Dialect,
    LoggedCommand,
    Reward,
    content_digest,
    encode_command,
    seal_of,
)
from accrual.domain.facts import Identity, Purchase
from accrual.domain.ids import bucket_of, member_account_id, member_id_of, system_account_id, ticket_of
from accrual.domain.log import OutcomeRow
from accrual.domain.lots import LotUse
from accrual.domain.outcomes import Award, Declined, Outcome, Status, encode_outcome
from accrual.domain.transfers import Kind, Line
from accrual.store.bodies import compress_body
from accrual.store.connection import Connection
from accrual.store.posting import ACCOUNT_COLUMNS, LINE_COLUMNS, LOT_USE_COLUMNS, OUTCOME_COLUMNS

BUCKETS = 256
PROGRAMME = 1
PTS, LD = 1, 2
START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
BODY = b'{"trxId": "T-1"}'


def identities_in(bucket: int) -> Iterator[Identity]:
    """Identities whose members live in this bucket."""
    number = 0
    while True:
        identity = Identity("qoin.user_id", str(number))
        if bucket_of(member_id_of(PROGRAMME, identity.kind, identity.value), BUCKETS) == bucket:
            yield identity
        number += 1


def member_of(identity: Identity) -> bytes:
    return member_id_of(PROGRAMME, identity.kind, identity.value)


@dataclass
class HandLedger:
    """One bucket's rows. `decide` adds a decided command; `close_batch` nets the system accounts, as a lane would."""

    bucket: int
    commands: list[tuple[LoggedCommand, bytes | None, bytes | None]] = field(default_factory=list)
    decided: list[tuple[LoggedCommand, Outcome, list[Line], list[LotUse]]] = field(default_factory=list)
    accounts: dict[int, tuple[object, ...]] = field(default_factory=dict)
    members: dict[bytes, tuple[Identity, int]] = field(default_factory=dict)
    unposted: list[tuple[int, bytes, int]] = field(default_factory=list)
    referrals: list[tuple[int, bytes, int, str, str]] = field(default_factory=list)
    merged: dict[bytes, bytes] = field(default_factory=dict)
    _balances: dict[int, int] = field(default_factory=dict)
    _moved: dict[int, int] = field(default_factory=dict)
    _batch_from: int = 1

    @property
    def next(self) -> int:
        return len(self.commands) + 1

    def log(
        self,
        identity: Identity,
        *,
        command: Command | None = None,
        body: bytes | None = BODY,
        ticket: bytes | None = None,
        facts: bytes | None = None,
    ) -> LoggedCommand:
        """A command in the log, not decided."""
        position = self.next
        asked = command or Reward(
            dialect=Dialect.QOIN_TASK,
            action="transaction",
            identity=identity,
            facts=(Purchase(occurred_at=START - timedelta(minutes=1), amount_minor=684_350),),
        )
        facts = encode_command(asked) if facts is None else facts
        salt = None if body is None else b"salt" * 4
        logged = LoggedCommand(
            bucket=self.bucket,
            position=position,
            ticket=ticket or ticket_of(PROGRAMME, 1, member_of(identity), b"%d" % position, self.bucket),
            programme_id=PROGRAMME,
            client_id=1,
            recorded_at=START + timedelta(seconds=position),
            content=content_digest(facts),
            seal=bytes(16) if salt is None or body is None else seal_of(salt, "Ann", body),
            facts=facts,
            name=None if body is None else "Ann",
        )
        self.commands.append((logged, salt, body))
        return logged

    def decide(
        self,
        identity: Identity,
        awards: Sequence[Award] = (),
        *,
        declines: tuple[Declined, ...] = (),
        follow_ups: tuple[bytes, ...] = (),
        command: Command | None = None,
        body: bytes | None = BODY,
        ticket: bytes | None = None,
        status: Status = Status.DECIDED,
        error: str | None = None,
        taken: LotUse | None = None,
    ) -> LoggedCommand:
        """The next command, decided with these awards; an award that is due already is expired at once.

        `taken`: so much of a lot of points goes back to where it came from.
        """
        logged = self.log(identity, command=command, body=body, ticket=ticket)
        member_id = member_of(identity)
        self.members.setdefault(member_id, (identity, logged.position))
        outcome = Outcome(
            status=status,
            revision=1 if status is Status.DECIDED else 0,
            awards=tuple(awards),
            declines=declines,
            follow_ups=follow_ups,
            error=error,
        )
        lines: list[Line] = []
        uses: list[LotUse] = []
        for award in awards:
            self._book(logged, member_id, award, lines, uses)
        if taken is not None:
            issuance = system_account_id(PTS, Role.ISSUANCE)
            lines.append(self._line(logged, taken.account, len(lines), issuance, -taken.amount, Kind.REVERSE, None))
            uses.append(taken._replace(position=logged.position))
        if not lines:
            self.unposted.append((self.bucket, member_id, logged.position))
        self.decided.append((logged, outcome, lines, uses))
        return logged

    def _book(
        self, logged: LoggedCommand, member_id: bytes, award: Award, lines: list[Line], uses: list[LotUse]
    ) -> None:
        role = Role.MEMBER if award.active_at is None else Role.PENDING
        account = member_account_id(member_id, award.asset_id, role)
        self.accounts[account] = (
            self.bucket, account, PROGRAMME, award.asset_id, int(role), member_id, FLOOR_ZERO,
        )  # fmt: skip
        issuance = system_account_id(award.asset_id, Role.ISSUANCE)
        lot_leg = len(lines)
        lines.append(self._line(logged, account, lot_leg, issuance, award.amount, Kind.AWARD, award))
        if award.expires_at is not None and award.expires_at <= logged.recorded_at:
            breakage = system_account_id(award.asset_id, Role.BREAKAGE)
            lines.append(self._line(logged, account, lot_leg + 1, breakage, -award.amount, Kind.EXPIRE, None))
            uses.append(LotUse(self.bucket, account, logged.position, logged.position, lot_leg, award.amount))

    def _line(
        self, logged: LoggedCommand, account: int, leg: int, contra: int, amount: int, kind: Kind, award: Award | None
    ) -> Line:
        balance = self._balances[account] = self._balances.get(account, 0) + amount
        if contra:
            self._moved[contra] = self._moved.get(contra, 0) - amount
        return Line(
            self.bucket,
            account,
            logged.position,
            leg,
            contra,
            amount,
            balance,
            None,
            kind,
            award.promo_version_id if award else None,
            award.active_at if award else None,
            award.expires_at if award else None,
            START,
            None,
        )

    def close_batch(self) -> None:
        """Net what the system accounts gave since the last batch."""
        logged, _, lines, _ = self.decided[-1]
        for account, amount in sorted(self._moved.items()):
            if amount:
                self.accounts[account] = (self.bucket, account, PROGRAMME, account >> 4, account & 15, None, None)
                line = self._line(logged, account, len(lines), 0, amount, Kind.NETTED, None)
                lines.append(line._replace(covers_from=self._batch_from))
        self._moved = {}
        self._batch_from = logged.position + 1

    async def write(self, connection: Connection) -> None:
        """Everything into the database, in one transaction."""
        head = HEAD_FIRST
        outcomes = []
        for logged, outcome, lines, uses in self.decided:
            payload = encode_outcome(outcome)
            head = advance(head, logged, outcome.status, payload, lines, uses)
            outcomes.append(OutcomeRow(logged.position, self.bucket, outcome.status, head[:STORED_BYTES], payload))
        async with connection.transaction():
            await self._write_commands(connection)
            tables: tuple[tuple[str, tuple[str, ...], list[tuple[object, ...]]], ...] = (
                ("outcome", OUTCOME_COLUMNS, [tuple(row) for row in outcomes]),
                ("account", ACCOUNT_COLUMNS, list(self.accounts.values())),
                (
                    "line",
                    LINE_COLUMNS,
                    [
                        (*line[:14], *(line.origin or (None, None, None)))
                        for _, _, lines, _ in self.decided
                        for line in lines
                    ],
                ),
                ("lot_use", LOT_USE_COLUMNS, [tuple(use) for _, _, _, uses in self.decided for use in uses]),
                ("unposted", ("bucket", "member_id", "position"), [tuple(row) for row in self.unposted]),
            )
            for table, columns, rows in tables:
                await connection.copy_records_to_table(table, records=rows, columns=columns)
            for member_id, (identity, position) in self.members.items():
                await connection.execute(
                    "insert into member values ($1, $2, $3, $4, $5, $6, 'Ann')",
                    *(self.bucket, member_id, PROGRAMME, START + timedelta(seconds=position), position),
                    self.merged.get(member_id),
                )
                await connection.execute(
                    "insert into identity values ($1, $2, $3, $4, $5)",
                    *(self.bucket, PROGRAMME, identity.kind, identity.value, member_id),
                )
            for logged, outcome, _, _ in self.decided:
                if outcome.status is Status.PARKED:
                    await connection.execute(
                        "insert into parked values ($1, $2, $3, $4, 1, $5)",
                        *(self.bucket, logged.position, logged.recorded_at, outcome.error, logged.facts),
                    )
            for referral in self.referrals:
                await connection.execute("insert into referral values ($1, $2, $3, $4, $5)", *referral)
            await connection.execute(
                "update tail set next = $2, recorded_at = $3 where bucket = $1", self.bucket, self.next, START
            )
            await connection.execute(
                "update lane set cursor = $2, chain = $3 where bucket = $1", self.bucket, len(self.decided) + 1, head
            )

    async def _write_commands(self, connection: Connection) -> None:
        for logged, salt, body in self.commands:
            await connection.execute(
                "insert into command (position, recorded_at, ticket, bucket, programme_id, client_id, content, seal, "
                "facts, salt, name, body) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                *(logged.position, logged.recorded_at, uuid.UUID(bytes=logged.ticket), logged.bucket),
                *(
                    logged.programme_id,
                    logged.client_id,
                    logged.content,
                    logged.seal,
                    logged.facts,
                    salt,
                    logged.name or "",
                ),
                None if body is None else compress_body(body),
            )
