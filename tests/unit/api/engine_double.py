"""An engine at the API's port that keeps everything in a dictionary; the real one is tested in tests/flow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from accrual.domain.commands import Receipt, Submission
from accrual.domain.errors import AccrualError, KeyReused
from accrual.domain.facts import Identity
from accrual.domain.ids import ticket_of
from accrual.domain.programme import Catalogue, Client, Settings, StoredClient
from accrual.engine.report import EngineReport, SubmitReport
from accrual.engine.statement import Period
from accrual.engine.views import MemberView, ParkedPage, Previewed, StatementView, TicketView

KEY = "demo-key"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CATALOGUE = Catalogue(
    programme_id=1,
    revision=7,
    settings=Settings(code="demo", currency="IDR", minor_units=2, time_zone="Asia/Jakarta"),
    assets=(),
    outlets=(),
    promos=(),
)


def client(**changes: object) -> StoredClient:
    fields: dict[str, object] = {"code": "partner", "rights": ("submit", "read", "qoin_task")} | changes
    return StoredClient(client_id=3, programme_id=1, client=Client(**fields), key_digest=None)  # type: ignore[arg-type]


class EngineDouble:
    """Keeps submissions by ticket and refuses a key with another content, like the real one."""

    buckets = 256

    def __init__(self, *clients: tuple[str, StoredClient]) -> None:
        self.clients = {hashlib.sha256(key.encode()).digest(): it for key, it in clients or ((KEY, client()),)}
        self.submissions: dict[bytes, Submission] = {}
        self.tickets: dict[bytes, TicketView] = {}
        self.members: dict[Identity, MemberView] = {}
        self.member_calls: list[tuple[int, Identity, int, int | None]] = []
        self.members_asked_at: list[datetime | None] = []
        self.statement_calls: list[tuple[int, Identity, Period, int, tuple[int, int] | None]] = []
        self.statements: dict[Identity, StatementView] = {}
        self.warnings: list[tuple[str, str]] = []
        self.problems: dict[str, str] = {}
        self.decided: TicketView | None = None
        self.waited_s: list[float] = []
        self.engine_report = EngineReport(submit=SubmitReport())
        self.page = ParkedPage(tickets=(), next_after=None)
        self.parked_calls: list[tuple[int, int, bytes | None]] = []
        self.previewed: Previewed | None = None
        self.preview_calls: list[Submission] = []
        self.names: dict[Identity, str] = {}
        self.catalogues: dict[int, Catalogue] = {}
        self.retried: list[tuple[bytes, int]] = []

    async def preview(self, submission: Submission, now: datetime) -> Previewed:
        self.preview_calls.append(submission)
        if submission.refusal is not None:
            raise submission.refusal
        assert self.previewed is not None
        return self.previewed

    async def submit(self, submission: Submission) -> Receipt:
        identity = msgspec.msgpack.encode(submission.command.identity)
        ticket = ticket_of(submission.programme_id, submission.client_id, identity, submission.key, 5)
        if submission.refusal is not None and ticket not in self.submissions:
            raise submission.refusal
        known = self.submissions.setdefault(ticket, submission)
        if known.content != submission.content:
            raise KeyReused
        return Receipt(ticket=ticket, bucket=5, position=1, recorded_at=NOW, repeated=known is not submission)

    async def submit_many(self, submissions: Sequence[Submission]) -> list[Receipt | AccrualError]:
        answers: list[Receipt | AccrualError] = []
        for submission in submissions:
            try:
                answers.append(await self.submit(submission))
            except AccrualError as error:
                answers.append(error)
        return answers

    async def wait(self, receipt: Receipt, *, deadline_s: float) -> TicketView | None:
        self.waited_s.append(deadline_s)
        return None if self.decided is None else msgspec.structs.replace(self.decided, ticket=receipt.ticket)

    async def ticket(self, ticket: bytes) -> TicketView | None:
        return self.tickets.get(ticket)

    async def member(
        self, programme_id: int, identity: Identity, *, limit: int, before: int | None, at: datetime | None = None
    ) -> MemberView | None:
        self.member_calls.append((programme_id, identity, limit, before))
        self.members_asked_at.append(at)
        return self.members.get(identity)

    async def statement(
        self, programme_id: int, identity: Identity, period: Period, *, limit: int, after: tuple[int, int] | None
    ) -> StatementView | None:
        self.statement_calls.append((programme_id, identity, period, limit, after))
        return self.statements.get(identity)

    async def parked(self, programme_id: int, *, limit: int, after: bytes | None) -> ParkedPage:
        self.parked_calls.append((programme_id, limit, after))
        return self.page

    async def retry(self, ticket: bytes, programme_id: int) -> Receipt:
        self.retried.append((ticket, programme_id))
        return Receipt(ticket=ticket, bucket=5, position=2, recorded_at=NOW, repeated=False)

    async def member_name(self, programme_id: int, identity: Identity) -> str | None:
        return self.names.get(identity)

    async def catalogue_at(self, programme_id: int, revision: int) -> Catalogue:
        return self.catalogues.get(revision, CATALOGUE)

    def client_by_key(self, key_digest: bytes) -> tuple[StoredClient, Catalogue] | None:
        found = self.clients.get(key_digest)
        return None if found is None else (found, CATALOGUE)

    def open_client(self) -> tuple[StoredClient, Catalogue] | None:
        found = [client for client in self.clients.values() if client.client.open]
        return (found[0], CATALOGUE) if len(found) == 1 else None

    def warn(self, code: str, client_code: str) -> None:
        self.warnings.append((code, client_code))

    async def ready(self) -> Mapping[str, str]:
        return self.problems

    async def report(self) -> EngineReport:
        return self.engine_report
