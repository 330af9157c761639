"""Decides a command without posting: the lane's own loading and deciding, over a state that is thrown away afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from accrual.domain.books import BookedLine, BucketState
from accrual.domain.chain import HEAD_FIRST
from accrual.domain.commands import LoggedCommand, Submission, decode_command
from accrual.domain.errors import Broken, KeyReused
from accrual.domain.log import AppendRow, Lease, OutcomeRow, Posting
from accrual.domain.outcomes import decode_outcome
from accrual.engine.catalog import Catalog
from accrual.engine.entries import blinded
from accrual.engine.load import fetch_shares, load
from accrual.engine.portray import Decoded
from accrual.engine.ports import CommandLog
from accrual.engine.ports_lane import StateSource
from accrual.engine.process import EventOf, Processor
from accrual.engine.programmes import Programmes
from accrual.engine.reads import Reads
from accrual.engine.state import State
from accrual.engine.submit import SALT_BYTES, ContentAgain, row_of
from accrual.engine.views import Previewed

FOLLOW_UPS_MAX = 50
FETCHES_MAX = 100
"""How often more of shared stocks is asked for until a command can be decided; each time there is more at hand."""

_NO_SALT = bytes(SALT_BYTES)


class PreviewMoment(StateSource, Protocol):
    """What deciding is loaded from, as it stands at one moment; `fetch_shares` moves nothing."""

    async def place(self, bucket: int) -> BucketState | None:
        """Where a bucket's log and lane stand."""


class PreviewSource(Protocol):
    """Where moments come from."""

    buckets: int

    def moment(self) -> AbstractAsyncContextManager[PreviewMoment]:
        """One moment of the books, kept short. Raises DatabaseDown."""


class _Ahead(NamedTuple):
    """A command as it would stand in the log, with what deciding it gave."""

    decoded: Decoded
    payload: bytes
    lines: list[BookedLine]
    follow_ups: list[AppendRow]
    waiting_before: int


class Preview:
    """Looks ahead for one process, without any secret: codes of vouchers are shown as `?`, and a member's code is taken to
    be right.

    Draws are drawn with a secret of nobody's: a preview shows the odds, and must not tell what an entry would win.
    """

    def __init__(
        self,
        source: PreviewSource,
        log: CommandLog,
        catalog: Catalog,
        reads: Reads,
        *,
        event_of: EventOf,
        describe: Callable[[BaseException], str],
        content_again: ContentAgain,
    ) -> None:
        self._source = source
        self._log = log
        self._catalog = catalog
        self._programmes = Programmes(catalog, change=blinded)
        self._reads = reads
        self._event_of = event_of
        self._describe = describe
        self._content_again = content_again

    async def preview(self, submission: Submission, now: datetime) -> Previewed:
        """What posting this now would answer, to the last field; nothing is written.

        The ticket is the one that the submission would get. A command that is in the log answers what the log has.
        Raises its own refusal, KeyReused, DatabaseDown.
        """
        await self._catalog.refresh()
        row, _ = row_of(submission, buckets=self._source.buckets, salt=_NO_SALT)
        if (known := await self._known(submission)) is not None:
            return known
        if submission.refusal is not None:
            raise submission.refusal
        async with self._source.moment() as moment:
            state = State(members_max=2 + FOLLOW_UPS_MAX)
            ahead_in: Counter[int] = Counter()
            ahead = await self._look_ahead(row, moment, state, now, ahead_in)
            followed: list[_Ahead] = []
            coming = list(ahead.follow_ups)
            while coming and len(followed) < FOLLOW_UPS_MAX:
                followed.append(await self._look_ahead(coming.pop(0), moment, state, now, ahead_in))
                coming.extend(followed[-1].follow_ups)
        return await self._show(ahead, followed)

    async def _known(self, submission: Submission) -> Previewed | None:
        row, home = row_of(submission, buckets=self._source.buckets, salt=_NO_SALT)
        if submission.key[:1] != b"k":
            return None
        if home is not None:
            homes = await self._log.find_keys([(home.bucket, home.client_id, home.key_digest)])
            taken = homes.get((home.client_id, home.key_digest))
            if taken is not None and taken.ticket != row.ticket:
                raise KeyReused
        known = (await self._log.find([(row.bucket, row.ticket)])).get(row.ticket)
        if known is None:
            return None
        if known.content != submission.content and await self._content_again(submission, known) != submission.content:
            raise KeyReused
        view = await self._reads.ticket(row.ticket)
        if view is None:
            raise Broken("A command of the log cannot be read back.", code="log_damaged")
        return Previewed(view=view, payload=None, repeated=True)

    async def _look_ahead(
        self, row: AppendRow, moment: PreviewMoment, state: State, now: datetime, ahead_in: Counter[int]
    ) -> _Ahead:
        """`ahead_in` counts what this preview has put behind the log of each bucket already."""
        place = await moment.place(row.bucket) or BucketState(1, 1, HEAD_FIRST, 1)
        position = place.next + ahead_in[row.bucket]
        ahead_in[row.bucket] += 1
        command = LoggedCommand(
            bucket=row.bucket,
            position=position,
            ticket=row.ticket,
            programme_id=row.programme_id,
            client_id=row.client_id,
            recorded_at=now,
            content=row.content,
            seal=row.seal,
            facts=row.facts,
            name=row.name,
        )
        lease = Lease(row.bucket, position, 0, place.chain, place.outbox_next, 0)
        posting, outcome = await self._decide(command, lease, moment, state)
        decoded = Decoded(command, row.body, decode_command(row.facts), decode_outcome(outcome.payload))
        lines = _lines(posting, state)
        return _Ahead(decoded, outcome.payload, lines, posting.follow_ups, place.next - place.cursor)

    async def _decide(
        self, command: LoggedCommand, lease: Lease, moment: PreviewMoment, state: State
    ) -> tuple[Posting, OutcomeRow]:
        processor = Processor(
            state,
            buckets=self._source.buckets,
            event_of=self._event_of,
            describe=self._describe,
            secret=None,
        )
        tasks = await load([command], state, moment, self._programmes.of, self._client_code)
        for _ in range(FETCHES_MAX):
            posting = processor.decide(tasks, {lease.bucket: lease}, command.recorded_at)
            if posting.outcomes:
                return posting, posting.outcomes[0]
            wanted = {(bucket, key): units for bucket, key, units in processor.shorts}
            await fetch_shares(wanted, state, moment)
        raise Broken("A shared stock never answered for good.", code="stock_unsettled")

    async def _show(self, ahead: _Ahead, followed: Sequence[_Ahead]) -> Previewed:
        decoded = {each.decoded.row.ticket: each.decoded for each in followed}
        lines = {(each.decoded.row.bucket, each.decoded.row.position): each.lines for each in (ahead, *followed)}
        views = await self._reads.portray([ahead.decoded, *decoded.values()], decoded, lines)
        return Previewed(
            view=views[0],
            payload=ahead.payload,
            waiting_before=ahead.waiting_before,
            followed=tuple(views[1:]),
        )

    def _client_code(self, client_id: int) -> str | None:
        client = self._catalog.client(client_id)
        return None if client is None else client.client.code


def _lines(posting: Posting, state: State) -> list[BookedLine]:
    accounts = {account.account_id: key for cell in state.members.values() for key, account in cell.accounts.items()}
    return [
        BookedLine(
            line.position,
            *accounts[line.account],
            line.leg,
            line.kind,
            line.amount,
            line.balance_after,
            line.active_at,
            line.expires_at,
        )
        for line in posting.lines
        if line.account in accounts
    ]
