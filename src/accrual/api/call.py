"""What a route is given and gives back, and what it needs of the engine, as a Protocol; no HTTP library lives here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from accrual.domain.commands import Receipt, Submission
from accrual.domain.errors import AccrualError
from accrual.domain.facts import Identity
from accrual.domain.programme import Catalogue, StoredClient
from accrual.engine.draws import Draws
from accrual.engine.point_rewards import PointRewards
from accrual.engine.ports_checkpoints import NewestCheckpoint
from accrual.engine.promos import Promos
from accrual.engine.raffles import Raffles
from accrual.engine.referrals import Referrals
from accrual.engine.report import EngineReport
from accrual.engine.rewards import Rewards
from accrual.engine.statement import Period
from accrual.engine.views import MemberView, ParkedPage, Previewed, StatementView, TicketView
from accrual.engine.wallets import Wallets


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of whoever sends a request before it is authenticated, its body unread.

    Header names are lower-cased. `host` is the address the connection comes from, empty where the server does not know
    it; behind a proxy it is the proxy's.
    """

    headers: Mapping[str, str]
    host: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One authenticated request, read whole.

    Header names are lower-cased; `path` is decoded and has no query, `query` is the raw text after the question mark.
    `params` are the named parts of the path, decoded, for routes that have them.
    `chance` is 16 random bytes: the key of a command that came without an idempotency key.
    """

    client: StoredClient
    catalogue: Catalogue
    path: str
    headers: Mapping[str, str]
    body: bytes
    now: datetime
    chance: bytes
    method: str = "POST"
    query: str = ""
    params: Mapping[str, str] = {}


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of an answer. `headers` are sent besides content type and length."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] | None = None


class Engine(Protocol):
    """What the routes ask of the engine."""

    @property
    def buckets(self) -> int:
        """How many buckets this database has."""

    @property
    def draws(self) -> Draws:
        """Draws as the public may see them."""

    @property
    def raffles(self) -> Raffles:
        """Raffles: winners and claims."""

    @property
    def referrals(self) -> Referrals:
        """Referrals that are held for review."""

    @property
    def promos(self) -> Promos:
        """Promos as people look after them."""

    @property
    def rewards(self) -> Rewards:
        """The catalogue of rewards, with what is left of each."""

    @property
    def point_rewards(self) -> PointRewards:
        """The point rewards of the Profitflow dialect."""

    @property
    def wallets(self) -> Wallets:
        """Members as the Dsquares dialect sees them."""

    @property
    def checkpoints(self) -> NewestCheckpoint:
        """Signed checkpoints of the history, open to everybody."""

    async def submit(self, submission: Submission) -> Receipt:
        """Append one command; durable on return. Raises AccrualError (KeyReused, Busy, DatabaseDown...)."""

    async def submit_many(self, submissions: Sequence[Submission]) -> list[Receipt | AccrualError]:
        """Append many commands; one answer each, in order. Raises AccrualError when none of them could be tried."""

    async def wait(self, receipt: Receipt, *, deadline_s: float) -> TicketView | None:
        """The ticket once it is complete, or as it stands after `deadline_s`; None when it is not decided by then."""

    async def ticket(self, ticket: bytes) -> TicketView | None:
        """Everything about one command, or None when there is none with this ticket."""

    async def parked(self, programme_id: int, *, limit: int, after: bytes | None) -> ParkedPage:
        """At most `limit` commands that wait put aside, behind the ticket `after`, by bucket and position."""

    async def retry(self, ticket: bytes, programme_id: int) -> Receipt:
        """Append the command that tries a parked one again. Raises Missing, Conflict, Refused, Busy, DatabaseDown."""

    async def preview(self, submission: Submission, now: datetime) -> Previewed:
        """What posting this now would answer; nothing is written. Raises AccrualError (KeyReused, DatabaseDown)."""

    async def member(
        self, programme_id: int, identity: Identity, *, limit: int, before: int | None, at: datetime | None = None
    ) -> MemberView | None:
        """A member with one page of history, at most `limit` tickets below position `before`; None when unknown.

        With `at`, balances and history are as of that past instant.
        """

    async def statement(
        self, programme_id: int, identity: Identity, period: Period, *, limit: int, after: tuple[int, int] | None
    ) -> StatementView | None:
        """One page of a member's statement, oldest line first, behind (position, leg) `after`; None when unknown.

        Raises Invalid for an asset that the programme does not have, DatabaseDown.
        """

    async def member_name(self, programme_id: int, identity: Identity) -> str | None:
        """What a member is called now; None when nobody is known by this identity, or by no name. Raises DatabaseDown."""

    async def catalogue_at(self, programme_id: int, revision: int) -> Catalogue:
        """A programme as it was at a revision, such as the one that decided a command. Raises Missing, DatabaseDown."""

    def client_by_key(self, key_digest: bytes) -> tuple[StoredClient, Catalogue] | None:
        """The client whose key has this SHA-256, with its programme as it stands now."""

    def open_client(self) -> tuple[StoredClient, Catalogue] | None:
        """The client that needs no key, with its programme; None when there is none, or one in several programmes."""

    def warn(self, code: str, client_code: str) -> None:
        """Count something a client does that will be refused one day, such as leaving out the idempotency key."""

    async def ready(self) -> Mapping[str, str]:
        """What keeps the engine from working, by name; empty means ready."""

    async def report(self) -> EngineReport:
        """What submitter and live lanes count, for /metrics; answers even while the database is down."""
