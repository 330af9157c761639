"""Where dsquares' contract tests hand in calls: the whole API and a lane over a database of their own, in this process."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, TypeVar

import httpx
import yaml

from accrual.api.limits import EdgeLimits
from accrual.api.mount import build_app
from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.lanes import open_lane
from accrual.bootstrap.programme import apply_file
from accrual.settings import Settings
from tests.arch.tree import ROOT
from tests.flow.books import value
from tests.pg_fixtures import Database

EXAMPLE = ROOT / "examples" / "dsquares" / "programme.yaml"
HEADERS = {"ClientId": "demo-dsquares"}
BASE = "/api/Integration/v1"
WALLET = "011111111111"
CONTACT = "01151618768"
BRANCH = "201020792658"

T = TypeVar("T")


class Answer(NamedTuple):
    """A reply over HTTP."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def pairs(self) -> Any:
        """The reply with objects as lists of pairs, so that the order of keys counts, and with decimals as text."""
        return json.loads(self.text, object_pairs_hook=list, parse_float=lambda text: f"decimal {text}")

    @property
    def code(self) -> str:
        """errorCode, of a reply to business."""
        assert self.status == 200, self.text
        return str(self.json["errorCode"])

    @property
    def failed(self) -> tuple[str, str]:
        """errorCode and errorMessage of a failure, which shows neither log nor wallet."""
        assert self.status == 200, self.text
        found = self.json
        assert all(found.get(name) is None for name in ("pointsLog", "wallet", "data")), self.text
        return found["errorCode"], found["errorMessage"]

    @property
    def mistake(self) -> int:
        """The status of the caller's mistake, in its own shape."""
        found = self.json
        assert list(found) == ["message", "statusCode", "statusName"], self.text
        assert found["statusCode"] == self.status
        return self.status

    @property
    def log(self) -> Any:
        assert self.code == "0", self.text
        return self.json["pointsLog"]

    @property
    def wallet(self) -> Any:
        assert self.code == "0", self.text
        return self.json["wallet"]


class Desk:
    """Dsquares' client of the example programme at the API."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, engine: RunningEngine, database: Database, document: Any
    ) -> None:
        self._loop = loop
        self.engine = engine
        self.database = database
        self.document = document
        self._app = build_app(engine, edge=EdgeLimits(answer_deadline_s=10.0))
        self._hurried = build_app(engine, edge=EdgeLimits(answer_deadline_s=0.001))
        self._sent = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop of the API."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def ask(
        self,
        path: str,
        body: Any = b"",
        *,
        method: str = "POST",
        headers: Mapping[str, str] = HEADERS,
        in_a_hurry: bool = False,
    ) -> Answer:
        """Send a body: bytes as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        transport = httpx.ASGITransport(app=self._hurried if in_a_hurry else self._app)

        async def work() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://dsquares") as http:
                return await http.request(method, path, content=raw, headers=dict(headers))

        reply = self.run(work())
        assert reply.headers["content-type"] == "application/json"
        return Answer(reply.status_code, reply.text)

    def reward(
        self, wallet: str = WALLET, amount: Any = 100, *, headers: Mapping[str, str] = HEADERS, **changes: Any
    ) -> Answer:
        """A Reward, with an ExternalLogId of its own unless one is given."""
        self._sent += 1
        body = reward(wallet, amount, ExternalLogId=f"log-{self._sent}") | changes
        return self.ask(f"{BASE}/Reward", without_absent(body), headers=headers)

    def redeem(
        self,
        wallet: str = WALLET,
        amount: Any = 125,
        *,
        key: str | None = None,
        headers: Mapping[str, str] = HEADERS,
        **changes: Any,
    ) -> Answer:
        """A RedeemUser."""
        sent = headers if key is None else {**headers, "Idempotency-Key": key}
        return self.ask(
            f"{BASE}/RedeemUser", without_absent(who(wallet) | {"PointsValue": amount} | changes), headers=sent
        )

    def refund(
        self, transaction: Any, wallet: str = WALLET, *, headers: Mapping[str, str] = HEADERS, **changes: Any
    ) -> Answer:
        """A Refund."""
        body = who(wallet) | {"TransactionId": transaction} | changes
        return self.ask(f"{BASE}/Refund", without_absent(body), headers=headers)

    def data(self, wallet: str = WALLET, **options: Any) -> Answer:
        """GetWalletData."""
        return self.ask(f"{BASE}/GetWalletData?query={wallet}", method="GET", **options)

    def move(self, wallet: str, **move: Any) -> Any:
        """A move by the native API, decided; its outcome."""
        self._sent += 1
        body = {"key": f"move-{self._sent}", "member": {"kind": "wallet_code", "value": wallet}, "move": move}
        answer = self.ask("/v1/commands", body, headers={"API-Key": "demo-dsquares", "Prefer": "wait=8"})
        assert answer.status == 200, answer.text
        outcome = answer.json["outcome"]
        assert outcome["declines"] == [], answer.text
        return outcome

    def commands(self) -> int:
        """How many commands are in the log."""

        return int(value(self.database.owner_url, "select count(*) from command"))

    def native(self, path: str, body: Any, method: str = "POST") -> Any:
        """A call of the native API with the same key."""
        answer = self.ask(path, body, method=method, headers={"API-Key": "demo-dsquares", "Prefer": "wait=8"})
        assert answer.status in (200, 202), answer.text
        return answer.json


def reward(wallet: str = WALLET, amount: Any = 100, **changes: Any) -> dict[str, Any]:
    """The body of a Reward."""
    return who(wallet) | {"PointsValue": amount, "ExternalLogId": "dass"} | changes


def who(wallet: str) -> dict[str, Any]:
    """What names wallet, contact and branch in every call; each wallet has a contact of its own."""
    return {
        "WalletCode": wallet,
        "ContactMsisdn": CONTACT if wallet == WALLET else f"c-{wallet}",
        "BranchMsisdn": BRANCH,
    }


def without_absent(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body without the fields that are `...`."""
    return {name: value for name, value in body.items() if value is not ...}


def example() -> Any:
    """The example programme as plain data, to be changed at will."""
    return yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))


@contextmanager
def open_desk(database: Database, document: Any) -> Iterator[Desk]:
    """A desk over a database with this programme; a lane is at work beside it."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    opened = AsyncExitStack()
    try:
        desk = asyncio.run_coroutine_threadsafe(_open(opened, loop, database, document), loop).result(60)
        yield desk
    finally:
        asyncio.run_coroutine_threadsafe(opened.aclose(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def apply_document(database: Database, document: Any) -> None:
    """Make the programme as this document says."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "programme.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        await apply_file(path, database.runtime_url, actor="test")


async def _open(opened: AsyncExitStack, loop: asyncio.AbstractEventLoop, database: Database, document: Any) -> Desk:
    await apply_document(database, document)
    settings = Settings(catalogue_poll_s=0.1)
    engine = await opened.enter_async_context(open_engine(database.runtime_url, settings, label="desk"))
    lane = await opened.enter_async_context(open_lane(database.runtime_url, settings, label="desk lane"))
    stopping = asyncio.Event()
    running = asyncio.create_task(lane.run(stopping))

    async def stop() -> None:
        stopping.set()
        await running

    opened.push_async_callback(stop)
    return Desk(loop, engine, database, document)
