"""The demonstration: every example request over real HTTP to a server of its own, and whether all came as it should."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from accrual.api.dialects.qoin.tickets import read_ticket_id
from accrual.bootstrap.asking import asking, choose_programme, verify_books
from accrual.bootstrap.demo_draw import DemoDraw
from accrual.bootstrap.demo_server import DemoServer
from accrual.bootstrap.programme import read_file
from accrual.domain.errors import Broken, Invalid
from accrual.domain.facts import Identity
from accrual.domain.programme import Client
from accrual.domain.rights import has_right
from accrual.engine.render import member_json
from accrual.engine.verify import VerifyReport
from accrual.engine.views import MemberView, TicketView

DECIDE_S = 30.0
"""How long all tickets together may take until they are decided."""

POLL_S = 0.05
HISTORY_SHOWN = 100

TASK_REPLY = [
    *("TicketId", "Subject", "SubjectType", "SubjectIdentifier", "Action", "ResourceType", "Resource", "ResourceId"),
    *("Result", "Status", "Message", "StatusCode"),
]
PROCESSOR_REPLY = ["code", "message", "data"]

Tell = Callable[[str], None]


class Posted(msgspec.Struct, kw_only=True):
    """One example request, what was answered, and what its ticket brought. `grants` None: not decided in time."""

    name: str
    expected: list[dict[str, Any]]
    ticket_id: str = ""
    ticket: bytes = b""
    grants: list[dict[str, Any]] | None = None
    view: TicketView | None = None


class DemoReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a demonstration showed; `problems` names everything that was not as it should be."""

    posted: list[Posted]
    members: list[MemberView]
    shown: MemberView | None
    verified: VerifyReport
    problems: list[str]
    draw: DemoDraw | None = None


class Examples(msgspec.Struct, frozen=True, kw_only=True):
    """A programme file, requests by name in order, and the grants that each brings in a database that knows nobody."""

    programme: Path
    requests: Mapping[str, bytes]
    grants: Mapping[str, list[dict[str, Any]]]


def read_examples(directory: Path) -> Examples:
    """The examples of a directory with programme.yaml, requests/*.json and grants.json. Raises Invalid."""
    try:
        grants = json.loads((directory / "grants.json").read_bytes())
        requests = {path.stem: path.read_bytes() for path in sorted((directory / "requests").glob("*.json"))}
    except OSError as error:
        raise Invalid(f"The examples in {directory} cannot be read: {error}.", code="file_unreadable") from error
    if not requests or sorted(requests) != sorted(grants):
        raise Invalid(f"grants.json in {directory} does not name the requests there.", code="file_unreadable")
    return Examples(programme=directory / "programme.yaml", requests=requests, grants=grants)


def run_demo(server: DemoServer, examples: Examples, tell: Tell) -> DemoReport:
    """Post every example to the server, wait for the results, read the books. Raises AccrualError when it cannot."""
    clients = read_file(examples.programme).read.programme.clients
    partner_key = _key_with(examples, clients, "qoin_task")
    reader_key = _key_with(examples, clients, "read")
    problems: list[str] = []
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DECIDE_S)) as connection:
        ask = Asker(connection, partner_key)
        tell(f"Posting {len(examples.requests)} requests to http://127.0.0.1:{server.port}/saas/requestin")
        posted = [_post(ask, name, body, examples.grants[name], problems) for name, body in examples.requests.items()]
        tell("Waiting for their results at /saas/requestout")
        _await_grants(ask, posted, problems)
        tell("Reading members and verifying the books")
        members = asyncio.run(_read(server.owner_url, posted))
        problems.extend(_check_members(Asker(connection, reader_key), posted, members))
    verified = asyncio.run(verify_books(None, server.owner_url))
    if not verified.clean:
        problems.extend(f"verify: {finding.text}" for finding in verified.findings)
    if verified.undecided:
        problems.append(f"verify: {verified.undecided} commands are not decided")
    shown = max(members, key=lambda member: len(member.history), default=None)
    return DemoReport(posted=posted, members=members, shown=shown, verified=verified, problems=problems)


def _key_with(examples: Examples, clients: Sequence[Client], right: str) -> str:
    for client in clients:
        if client.key is not None and has_right(client.rights, right):
            return client.key
    raise Invalid(f"No client in {examples.programme} has a plain key and the right {right}.", code="programme_invalid")


class Asker:
    """Requests over one connection to the server. Raises Broken `demo_server_failed` when it does not answer."""

    def __init__(self, connection: http.client.HTTPConnection, key: str) -> None:
        self._connection = connection
        self._headers = {"API-Key": key, "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Status and decoded JSON of the reply, None where it is no JSON."""
        try:
            self._connection.request(method, path, body, self._headers)
            reply = self._connection.getresponse()
            status, raw = reply.status, reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise Broken(f"The server did not answer {path}: {error!r}.", code="demo_server_failed") from error
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, None


def _post(ask: Asker, name: str, body: bytes, expected: list[dict[str, Any]], problems: list[str]) -> Posted:
    posted = Posted(name=name, expected=expected)
    request = json.loads(body)
    status, reply = ask("POST", "/saas/requestin", body)
    problems.extend(f"{name}: {problem}" for problem in _reply_problems(request, status, reply))
    if isinstance(reply, dict):
        data = reply.get("data")
        ticket_id = str(reply.get("TicketId") or (data.get("TicketId") if isinstance(data, dict) else "") or "")
        posted.ticket_id, posted.ticket = ticket_id, read_ticket_id(ticket_id) or b""
    if not posted.ticket:
        problems.append(f"{name}: the reply has no ticket")
    return posted


def _reply_problems(request: dict[str, Any], status: int, reply: Any) -> Iterable[str]:
    if status != 200:
        yield f"answered with status {status}: {json.dumps(reply)}"
        return
    is_task = request["SubjectIdentifier"] == "task"
    if not isinstance(reply, dict) or list(reply) != (TASK_REPLY if is_task else PROCESSOR_REPLY):
        yield f"the reply does not have the keys of the partner's page: {json.dumps(reply)}"
        return
    wanted = (
        {"Action": request["Action"], "Result": None, "Status": "success", "StatusCode": 200}
        if is_task
        else {"code": 200, "message": "Success"}
    )
    for field, value in wanted.items():
        if reply[field] != value:
            yield f"{field} of the reply is {reply[field]!r}, not {value!r}"


def _await_grants(ask: Asker, posted: list[Posted], problems: list[str]) -> None:
    """Ask for each ticket until it is decided, then compare with what the example should bring."""
    deadline_s = time.monotonic() + DECIDE_S
    for each in posted:
        subject = {"Subject": "loyalty", "SubjectType": "reward", "SubjectIdentifier": "task"}
        body = json.dumps({**subject, "TicketId": each.ticket_id}).encode()
        while each.ticket:
            status, reply = ask("POST", "/saas/requestout", body)
            if status != 200 or not isinstance(reply, dict):
                problems.append(f"{each.name}: requestout answered with status {status}: {json.dumps(reply)}")
                break
            if reply.get("Result") is not None:
                each.grants = reply["Result"]["Data"]
                if each.grants != each.expected:
                    problems.append(
                        f"{each.name}: gave {json.dumps(each.grants)} and should give {json.dumps(each.expected)}"
                    )
                break
            if time.monotonic() > deadline_s:
                problems.append(f"{each.name}: not decided within {DECIDE_S:.0f} s")
                break
            time.sleep(POLL_S)


async def _read(owner_url: str, posted: list[Posted]) -> list[MemberView]:
    """The tickets, into `posted`, and every member that one of them rewards."""
    async with asking(None, owner_url) as engine:
        programme_id = choose_programme(engine.catalog, None).programme_id
        identities: dict[Identity, None] = {}
        for each in posted:
            each.view = await engine.ticket(each.ticket) if each.ticket else None
            if each.view is not None:
                identities |= dict.fromkeys([each.view.identity, *(award.recipient for award in each.view.awards)])
        found = [
            await engine.member(programme_id, identity, limit=HISTORY_SHOWN, before=None) for identity in identities
        ]
        return [member for member in found if member is not None]


def _check_members(ask: Asker, posted: list[Posted], members: list[MemberView]) -> Iterable[str]:
    """Whether what was granted, what the lines say and what the balances say is the same."""
    granted: Counter[str] = Counter()
    for each in posted:
        for grant in each.grants or ():
            granted[grant["assetcode"]] += grant["value"]
    posted_of: Counter[str] = Counter()
    for member in members:
        for balance in member.balances:
            posted_of[balance.code] += balance.posted
            lines = [line for ticket in member.history for line in ticket.lines if line.code == balance.code]
            if sum(line.amount for line in lines) != balance.posted:
                yield f"member {member.identities[0].value}: the lines in {balance.code} do not sum to the balance"
        first = member.identities[0]
        path = f"/v1/members/{first.kind}/{first.value}?limit={HISTORY_SHOWN}"
        status, shown = ask("GET", path)
        if (status, _timeless(shown)) != (200, _timeless(json.loads(json.dumps(member_json(member))))):
            yield f"member {first.value}: the API shows something else than the books"
    for code in granted | posted_of:
        if granted[code] != posted_of[code]:
            yield f"{granted[code]} {code} were granted, and the balances of all members sum to {posted_of[code]}"


def _timeless(member: Any) -> Any:
    """A member without what depends on the moment of asking: what is due within so many days from now."""
    if not isinstance(member, dict):
        return member
    return {
        **member,
        "at": None,
        "balances": [
            {name: said for name, said in each.items() if name != "due"} for each in member.get("balances", ())
        ],
    }
