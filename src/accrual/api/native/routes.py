"""The native API's routes: what each asks of the engine. Bytes are read in wire and written in reply."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Mapping, Sequence

import msgspec

from accrual.api.call import Call, Engine, Reply
from accrual.api.native.moments import read_moment
from accrual.api.native.reply import error_json, receipt_json, reply, status_of
from accrual.api.native.rights import (
    may_read_ticket,
    require_command_rights,
    with_visible_codes,
)
from accrual.api.native.wire import cut_commands, is_bulk, is_ndjson, read_command, read_item, read_profile
from accrual.api.query import read_query
from accrual.domain.commands import Receipt, Submission
from accrual.domain.errors import AccrualError, Invalid, Missing, TooLarge
from accrual.domain.facts import Identity
from accrual.domain.ids import digest16, is_ticket
from accrual.domain.native import NativeCommand, WrittenIdentity, WrittenProfile
from accrual.domain.programme import IdempotencyPolicy
from accrual.engine.native_fields import read_identity
from accrual.engine.render import member_json, parked_json, preview_json, statement_json, ticket_json
from accrual.engine.statement import Period
from accrual.engine.translate_native import Translator

TURN_BYTES = 16 << 10
"""Bytes of commands that are read before other requests get their turn."""
LARGE_BYTES = 64 << 10
"""Bulk bodies over this size are read one after another."""
_WAIT = re.compile(r"\s*wait\s*=\s*([0-9]{1,6})\s*\Z", re.ASCII | re.IGNORECASE)
_PLACE = re.compile(r"([0-9]{1,19})-([0-9]{1,5})\Z", re.ASCII)
_POSITION_MAX = 2**63 - 1
_LEG_MAX = 2**15 - 1


class NativeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Commands and values of one call, bytes of one command, seconds a call may wait for its outcome, tickets of one page."""

    bulk_max: int = 2000
    bulk_values_max: int = 250_000
    command_bytes_max: int = 1 << 20
    wait_max_s: float = 10.0
    page_default: int = 50
    page_max: int = 200


class NativeRoutes:
    """The routes under one set of limits."""

    def __init__(self, limits: NativeLimits) -> None:
        self._limits = limits
        # One large body at a time: what its reading takes of the process does not add up, and others get every second turn.
        self._large = asyncio.Semaphore(1)

    async def commands(self, call: Call, engine: Engine) -> Reply:
        """POST /v1/commands: one command, an array of them, or one a line."""
        content_type = call.headers.get("content-type", "")
        if is_bulk(call.body, content_type):
            return await self._many(call, engine, content_type)
        self._require_size(call.body)
        command = _with_header_key(read_command(call.body), call.headers.get("idempotency-key"))
        require_command_rights(call.client, command)
        return await self._one(command, call.body, call, engine)

    async def profile(self, call: Call, engine: Engine) -> Reply:
        """PUT or PATCH /v1/members/{kind}/{value}/profile: change what is known of a member; what is not named stays."""
        change = read_profile(call.body)
        command = NativeCommand(
            member=WrittenIdentity(kind=call.params["kind"], value=call.params["value"]),
            profile=WrittenProfile(
                tier=change.tier,
                birthday=change.birthday,
                attributes=change.attributes,
                segments=change.segments,
                lists=change.lists,
            ),
            key=change.key,
        )
        require_command_rights(call.client, command)
        command = _with_header_key(command, call.headers.get("idempotency-key"))
        # Stored as the command it is, so that whoever translates it again needs no address.
        return await self._one(command, msgspec.json.encode(command), call, engine)

    async def _one(self, command: NativeCommand, raw: bytes, call: Call, engine: Engine) -> Reply:
        _warn_without_key(command, call, engine)
        translator = Translator(call.client, call.catalogue, buckets=engine.buckets)
        receipt = await engine.submit(translator.to_submission(command, raw, now=call.now, chance=call.chance))
        wait_s = _preferred_wait_s(call.headers.get("prefer"), self._limits.wait_max_s)
        headers = {} if wait_s is None else {"preference-applied": f"wait={wait_s:g}"}
        return await self._answer(receipt, engine, wait_s, headers)

    async def _answer(self, receipt: Receipt, engine: Engine, wait_s: float | None, headers: dict[str, str]) -> Reply:
        """202 with the receipt, or 200 with the outcome besides when it comes within `wait_s` (None: not waited for)."""
        answer = receipt_json(receipt)
        headers["location"] = f"/v1/tickets/{answer['ticket']}"
        view = None if wait_s is None else await engine.wait(receipt, deadline_s=wait_s)
        if view is not None and view.status != "waiting":
            return reply(200, answer | {"outcome": ticket_json(view)}, headers)
        return reply(202, answer, headers)

    def _require_size(self, raw: bytes) -> None:
        bytes_max = self._limits.command_bytes_max
        if len(raw) > bytes_max:
            raise TooLarge(f"The command is larger than {bytes_max} bytes.", details={"bytes_max": bytes_max})

    async def _read_many(
        self, call: Call, engine: Engine, content_type: str
    ) -> tuple[list[Submission], list[Receipt | AccrualError | None]]:
        """What is to be submitted, and an answer for each command: its refusal, or None for the next receipt.

        Other requests get their turn after each 16 KiB, or after one command where it is larger.
        """
        limits = self._limits
        raws = cut_commands(call.body, content_type, count_max=limits.bulk_max, values_max=limits.bulk_values_max)
        one_a_line = is_ndjson(content_type)
        translator = Translator(call.client, call.catalogue, buckets=engine.buckets)
        submissions: list[Submission] = []
        answers: list[Receipt | AccrualError | None] = []
        read_bytes = 0
        for index, raw in enumerate(raws):
            try:
                self._require_size(raw)
                command = read_command(raw) if one_a_line else read_item(raw, index + 1)
                require_command_rights(call.client, command)
                _warn_without_key(command, call, engine)
                chance = digest16(b"chance", call.chance, b"%d" % index)
                submissions.append(translator.to_submission(command, raw, now=call.now, chance=chance))
                answers.append(None)
            except AccrualError as refusal:
                if not one_a_line and refusal.code == "invalid_json":
                    raise  # the array as a whole is not what it must be
                answers.append(refusal)
            read_bytes += len(raw)
            if read_bytes >= TURN_BYTES:
                read_bytes = 0
                await asyncio.sleep(0)
        return submissions, answers

    async def _many(self, call: Call, engine: Engine, content_type: str) -> Reply:
        """Each command gets a receipt or an error at its own place; the status is 202 when any was accepted."""
        if len(call.body) > LARGE_BYTES:
            async with self._large:
                submissions, answers = await self._read_many(call, engine, content_type)
        else:
            submissions, answers = await self._read_many(call, engine, content_type)
        receipts = iter(await engine.submit_many(submissions) if submissions else ())
        whole = [next(receipts) if answer is None else answer for answer in answers]
        refusals = [answer for answer in whole if isinstance(answer, AccrualError)]
        status = status_of(refusals[0]) if len(refusals) == len(whole) else 202
        return reply(
            status,
            {
                "accepted": len(whole) - len(refusals),
                "refused": len(refusals),
                "commands": [
                    {"error": error_json(answer)} if isinstance(answer, AccrualError) else receipt_json(answer)
                    for answer in whole
                ],
            },
        )

    async def parked(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/parked: one page of the programme's commands that wait put aside."""
        query = read_query(call.query)
        after = _read_ticket(query["after"][-1]) if "after" in query else None
        page = await engine.parked(call.client.programme_id, limit=self._page(query), after=after)
        return reply(200, parked_json(page))

    async def retry(self, call: Call, engine: Engine) -> Reply:
        """POST /v1/parked/{ticket}/retry: try a parked command again; 200 with the outcome, 202 when that takes longer."""
        receipt = await engine.retry(_read_ticket(call.params["ticket"]), call.client.programme_id)
        wait_s = _preferred_wait_s(call.headers.get("prefer"), self._limits.wait_max_s)
        return await self._answer(receipt, engine, self._limits.wait_max_s if wait_s is None else wait_s, {})

    async def preview(self, call: Call, engine: Engine) -> Reply:
        """POST /v1/preview: what one command would come to, decided and not posted."""
        if is_bulk(call.body, call.headers.get("content-type", "")):
            raise Invalid("One command at a time can be previewed.", code="invalid_json")
        command = _with_header_key(read_command(call.body), call.headers.get("idempotency-key"))
        require_command_rights(call.client, command)
        submission = Translator(call.client, call.catalogue, buckets=engine.buckets).to_submission(
            command, call.body, now=call.now, chance=call.chance
        )
        return reply(200, preview_json(await engine.preview(submission, call.now)))

    async def ticket(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/tickets/{ticket}: a command of this client, or with the right `read` any command of the programme."""
        view = await engine.ticket(_read_ticket(call.params["ticket"]))
        if view is None or not may_read_ticket(call.client, view):
            raise Missing("There is no such ticket.", code="ticket_unknown")
        return reply(200, ticket_json(with_visible_codes(call.client, view)))

    async def member(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/members/{kind}/{value}: balances and one page of history, newest first; `at` a past instant."""
        query = read_query(call.query)
        limit = self._page(query)
        before = _whole(query, "before", lowest=0, highest=_POSITION_MAX)
        at = read_moment(query, "at", call.catalogue.settings.time_zone)
        if at is not None and at > call.now:
            raise Invalid("`at` lies ahead.", code="invalid_field", details={"path": "at"})
        identity = _identity(call)
        view = await engine.member(call.client.programme_id, identity, limit=limit, before=before, at=at)
        if view is None:
            raise Missing("There is no such member.", code="member_unknown")
        history = tuple(with_visible_codes(call.client, ticket) for ticket in view.history)
        return reply(200, member_json(msgspec.structs.replace(view, history=history)))

    async def statement(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/members/{kind}/{value}/statement: lines recorded from an instant up to another, with balances."""
        query = read_query(call.query)
        zone = call.catalogue.settings.time_zone
        period = Period(
            since=read_moment(query, "from", zone),
            until=read_moment(query, "until", zone) or call.now,
            asset=query["asset"][-1] if "asset" in query else None,
        )
        if period.since is not None and period.since > period.until:
            raise Invalid("`from` lies behind `until`.", code="invalid_field", details={"path": "from"})
        identity = _identity(call)
        view = await engine.statement(
            call.client.programme_id, identity, period, limit=self._page(query), after=_read_place(query)
        )
        if view is None:
            raise Missing("There is no such member.", code="member_unknown")
        return reply(200, statement_json(view))

    def _page(self, query: Mapping[str, Sequence[str]]) -> int:
        limits = self._limits
        return _whole(query, "limit", lowest=1, highest=limits.page_max) or min(limits.page_default, limits.page_max)


def _with_header_key(command: NativeCommand, header: str | None) -> NativeCommand:
    """The command under the key of its body, or else of the header Idempotency-Key; two different keys are refused."""
    if header is None or command.key == header:
        return command
    if command.key is not None:
        raise Invalid("The header Idempotency-Key and the command's key differ.", code="invalid_field")
    return msgspec.structs.replace(command, key=header)


def _warn_without_key(command: NativeCommand, call: Call, engine: Engine) -> None:
    if command.key is None and call.client.client.idempotency is IdempotencyPolicy.WARN:
        engine.warn("key_missing", call.client.client.code)


def _preferred_wait_s(header: str | None, wait_max_s: float) -> float | None:
    """The seconds of `Prefer: wait=N` (RFC 7240), at most `wait_max_s`; None when there is no such preference."""
    for preference in (header or "").split(","):
        if match := _WAIT.match(preference.partition(";")[0]):
            return min(float(match.group(1)), wait_max_s)
    return None


def _read_ticket(text: str) -> bytes:
    try:
        raw = uuid.UUID(text).bytes
    except ValueError as error:
        raise Missing("There is no such ticket.", code="ticket_unknown") from error
    if not is_ticket(raw):
        raise Missing("There is no such ticket.", code="ticket_unknown")
    return raw


def _read_place(query: Mapping[str, Sequence[str]]) -> tuple[int, int] | None:
    """The page before's `next_after`. Raises Invalid."""
    if "after" not in query:
        return None
    found = _PLACE.match(query["after"][-1])
    if found is None or int(found[1]) > _POSITION_MAX or int(found[2]) > _LEG_MAX:
        raise Invalid(
            "`after` must be the page before's `next_after`.", code="invalid_field", details={"path": "after"}
        )
    return int(found[1]), int(found[2])


def _identity(call: Call) -> Identity:
    """The identity that a path names; one that no command could carry has no member."""
    try:
        return read_identity(call.params["kind"], call.params["value"], "path", call.catalogue.settings)
    except Invalid as error:
        raise Missing("There is no such member.", code="member_unknown") from error


def _whole(query: Mapping[str, Sequence[str]], name: str, *, lowest: int, highest: int) -> int | None:
    values = query.get(name)
    if values is None:
        return None
    text = values[-1]
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or not lowest <= int(text) <= highest:
        raise Invalid(
            f"`{name}` must be a whole number from {lowest} to {highest}.", code="invalid_field", details={"path": name}
        )
    return int(text)
