"""Where Goodie's contract tests hand in requests: the whole API over books in memory, decided by the real rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from accrual.api.dialects.goodie import translate, wire
from accrual.api.limits import EdgeLimits
from accrual.api.mount import build_app
from accrual.domain.commands import Receipt, Submission, decode_command
from accrual.domain.facts import Identity
from accrual.domain.ids import member_id_of
from accrual.domain.log import Known
from accrual.domain.outcomes import decode_outcome
from accrual.domain.programme import Asset, Catalogue, Programme, StoredAsset, StoredClient
from accrual.domain.promos import Promo, PromoVersion
from accrual.engine.portray import Decoded, Names, portray
from accrual.engine.programme_file import read_programme
from accrual.engine.submit import SubmitLimits, Submitter
from accrual.engine.views import Previewed, TicketView
from tests.arch.tree import ROOT
from tests.desk import CLIENT, PROGRAMME, Books
from tests.desk import Desk as Lane
from tests.unit.api.engine_double import EngineDouble

EXAMPLE = ROOT / "examples" / "goodie" / "programme.yaml"
REQUESTS = ROOT / "examples" / "goodie" / "requests"
HEADERS = {"authToken": "demo-goodie", "deviceUniqueId": "356938035643809"}
MEMBER = "CE38F7D7-23C4-4F81-B7B6-AA4B97567F20"
MERCHANT = "5F773EA1-1E66-4F9E-B9C8-E1FA8156AD20"
POSTING = "/api-rest/promotion/posting"
INQUIRY = "/api-rest/promotion/inquiry"
POINTS = "/api-rest/member/points"
LIMITS = SubmitLimits(flush_rows_max=100, backlog_single_max=100, backlog_bulk_max=100)


def example() -> Programme:
    """The example programme for Goodie, as its file says it."""
    return read_programme(EXAMPLE.read_text(encoding="utf-8"), str(EXAMPLE)).programme


def catalogue_of(document: Programme, *promos: Promo, revision: int = 1) -> Catalogue:
    """The catalogue that a file makes, with other promos where any are given."""
    return Catalogue(
        programme_id=PROGRAMME,
        revision=revision,
        settings=document.programme,
        assets=tuple(StoredAsset(asset_id=n, asset=asset) for n, asset in enumerate(document.assets, 1)),
        outlets=document.outlets,
        promos=tuple(
            PromoVersion(promo_version_id=n, promo_id=n, version=1, revision=1, effective_from=None, promo=promo)
            for n, promo in enumerate(promos or document.promos, 1)
        ),
    )


class JudgingEngine(EngineDouble):
    """An engine over one lane's books in memory. While `is_stuck` nothing is decided."""

    def __init__(self, catalogue: Catalogue, client: StoredClient, *keys: str) -> None:
        super().__init__(*((key, client) for key in keys))
        self.catalogue = catalogue
        self.client = client
        self.is_stuck = False
        self.taken: list[Submission] = []
        self.lane = Lane(catalogue)
        self.lane.client = client.client.code
        self.submitter = self._submitter(self.lane.books)

    def revise(self, catalogue: Catalogue) -> None:
        """From now on commands are judged by this catalogue; the one before is kept."""
        self.catalogues[self.catalogue.revision] = self.catalogue
        self.catalogue = catalogue
        self.lane.revise(catalogue)

    def client_by_key(self, key_digest: bytes) -> tuple[StoredClient, Catalogue] | None:
        found = super().client_by_key(key_digest)
        return None if found is None else (found[0], self.catalogue)

    async def submit(self, submission: Submission) -> Receipt:
        self.taken.append(submission)
        return await self.submitter.submit(submission)

    async def wait(self, receipt: Receipt, *, deadline_s: float) -> TicketView | None:
        self.waited_s.append(deadline_s)
        if self.is_stuck:
            return None
        await self.lane.decide_all()
        return self._view(self.lane, receipt.ticket)

    async def preview(self, submission: Submission, now: datetime) -> Previewed:
        """Over fresh books: what the log has of this key is looked up in tests/flow."""
        self.preview_calls.append(submission)
        lane = Lane(self.catalogue)
        lane.client = self.client.client.code
        receipt = await self._submitter(lane.books).submit(submission)
        await lane.decide_all()
        return Previewed(view=self._view(lane, receipt.ticket), payload=None)

    async def member_name(self, programme_id: int, identity: Identity) -> str | None:
        person = self.lane.books.people.get(member_id_of(programme_id, identity.kind, identity.value))
        return None if person is None else person.name

    async def catalogue_at(self, programme_id: int, revision: int) -> Catalogue:
        return self.catalogues[revision]

    def _submitter(self, books: Books) -> Submitter:
        async def content_again(submission: Submission, known: Known) -> bytes | None:
            stored = books.bodies[known.bucket, known.position]
            return translate.content_of(stored, self.catalogue, self.client)

        return Submitter(
            books,
            buckets=books.buckets,
            limits=LIMITS,
            now=lambda: self.lane.now,
            fresh=lambda count: bytes(count),
            content_again=content_again,
        )

    def _view(self, lane: Lane, ticket: bytes) -> TicketView:
        row = lane.books.by_ticket(ticket)
        place = (row.bucket, row.position)
        outcome = decode_outcome(lane.books.outcomes[place].payload)
        decoded = Decoded(row, lane.books.bodies.get(place), decode_command(row.facts), outcome)
        at = self.catalogue if self.catalogue.revision == outcome.revision else self.catalogues[outcome.revision]
        return portray(decoded, (), {}, lambda *_: Names(at), lambda _, body: wire.fields(body))


class Answer(NamedTuple):
    """A reply over HTTP."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def pairs(self) -> Any:
        """The reply with objects as lists of pairs, so that the order of keys counts."""
        return json.loads(self.text, object_pairs_hook=list)

    @property
    def failure(self) -> str:
        """The code of a failure, which is all that a failing reply holds besides its message."""
        assert list(self.json) == ["abstractResponse"], self.text
        assert list(self.json["abstractResponse"]) == ["responseStatus", "responseMessage"]
        return str(self.json["abstractResponse"]["responseStatus"])

    @property
    def message(self) -> str:
        return str(self.json["abstractResponse"]["responseMessage"])

    @property
    def given(self) -> dict[str, int]:
        """Points by promotion, with the total checked against them."""
        found = {
            each["promotionCode"]: each["basicRulePoint"]
            + sum(rule["customRulePoint"] for rule in each["customRulePoints"])
            for each in self.json["promotionNumberIssued"]
        }
        assert self.json["totalPointIssuing"] == sum(found.values())
        return found


class Desk:
    """Goodie's client of the example programme at the API; promos and settings may be others."""

    def __init__(
        self,
        *promos: Promo,
        settings: Mapping[str, Any] | None = None,
        assets: Sequence[str] = (),
        **client_changes: Any,
    ) -> None:
        document = example()
        if assets:
            document = msgspec.structs.replace(document, assets=tuple(Asset(code=code) for code in assets))
        document = msgspec.structs.replace(
            document, programme=msgspec.structs.replace(document.programme, **(settings or {}))
        )
        goodie = msgspec.structs.replace(document.clients[0], key=None, **client_changes)
        client = StoredClient(client_id=CLIENT, programme_id=PROGRAMME, client=goodie, key_digest=None)
        self.document = document
        self.engine = JudgingEngine(catalogue_of(document, *promos), client, "demo-goodie")
        self.app = build_app(self.engine, edge=EdgeLimits(answer_deadline_s=4.0), now=lambda: self.engine.lane.now)

    async def ask(
        self,
        body: Any,
        *,
        to: str = POSTING,
        key: str | None = None,
        headers: Mapping[str, str] = HEADERS,
        method: str = "POST",
    ) -> Answer:
        """Send a body: bytes as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {**headers, **({} if key is None else {"Idempotency-Key": key})}
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://goodie") as http:
            reply = await http.request(method, to, content=raw, headers=sent)
        assert reply.headers["content-type"] == "application/json"
        return Answer(reply.status_code, reply.text, dict(reply.headers))

    async def ask_points(self, query: str, headers: Mapping[str, str] = HEADERS) -> Answer:
        return await self.ask(b"", to=f"{POINTS}?{query}", method="GET", headers=headers)

    def later(self, **of_delta: int) -> None:
        """Let time pass."""
        self.engine.lane.now += timedelta(**of_delta)

    @property
    def taken(self) -> Submission:
        """What was handed to the engine last."""
        return self.engine.taken[-1]

    @property
    def commands(self) -> int:
        """How many commands are in the log."""
        return sum(map(len, self.engine.lane.books.log.values()))


def request(name: str) -> Any:
    """A request of the example programme, to be changed at will."""
    return json.loads((REQUESTS / f"{name}.json").read_text(encoding="utf-8"))


def basic(reference: str = "R-1", amount: Any = "100000", **changes: Any) -> dict[str, Any]:
    """A payment."""
    payment = {"productCode": "", "totalTrxAmount": amount, "refNumber": reference}
    return {"memberId": MEMBER, "merchantId": MERCHANT, "storeId": "", "basic": payment} | changes


def custom(*rules: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Custom rules."""
    return {"memberId": MEMBER, "merchantId": MERCHANT, "storeId": "", "custom": list(rules)} | changes


AMOUNT_RULE: Mapping[str, Any] = {"ruleName": "CUSTOM RULE API", "issuing": 0, "amount": 100000}
ISSUING_RULE: Mapping[str, Any] = {"ruleName": "CUSTOM RULE ISSUING", "issuing": 1}


def fixture(name: str) -> Any:
    """A golden pair of request and response, with notes on where its shape comes from."""
    return json.loads((Path(__file__).parent / "goodie" / "fixtures" / f"{name}.json").read_text(encoding="utf-8"))
