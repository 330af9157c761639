"""Where the contract tests of Profitflow hand in requests: the real application and steps over a shelf in memory."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from accrual.api.mount import build_app
from accrual.domain.point_rewards import Corner, PointReward, Shelf, ShownPointReward
from accrual.domain.programme import Asset, Catalogue, Client, Outlet, Settings, StoredAsset, StoredClient
from accrual.domain.promos import WAITING, PromoVersion
from accrual.domain.stored_programme import CatalogueChange, SavedVersion, StoredProgramme, StoredPromo
from accrual.engine.catalog import Catalog, digest_of_key
from accrual.engine.point_rewards import PointRewards
from tests.unit.api.engine_double import EngineDouble

NOW = datetime(2025, 12, 6, 6, 2, 56, 120_000, tzinfo=UTC)
SETTINGS = Settings(code="demo", currency="IDR", minor_units=2, time_zone="Asia/Jakarta", late_limit=None, demo=True)
OWNER, OUTLET = "+6285228990120", "OTL-001"
HERE: dict[str, Any] = {"user_id": OWNER, "outlet_id": OUTLET}
KEY = {"API-Key": "demo-profitflow"}


class Answer(NamedTuple):
    """A reply over HTTP."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Shelves:
    """One programme and its point rewards in memory: source and sink of the real Catalog and PointRewards."""

    def __init__(self, settings: Settings, clients: tuple[StoredClient, ...]) -> None:
        self.programme = StoredProgramme(
            programme_id=1,
            revision=1,
            settings=settings,
            assets=tuple(StoredAsset(asset_id=n, asset=Asset(code=code)) for n, code in enumerate(("PTS", "LD"), 1)),
            outlets=(Outlet(code=OUTLET), Outlet(code="MAIN", aliases={"pos": ("Toko Utama",)})),
            clients=clients,
            ended_clients=(),
            promos=(),
            used=False,
            facts_lag=None,
        )
        self.rewards: dict[int, PointReward] = {}
        self.changes: list[CatalogueChange] = []

    async def revisions(self) -> dict[int, int]:
        return {1: self.programme.revision}

    async def catalogue(self, programme_id: int, revision: int | None = None) -> Catalogue:
        return Catalogue(
            programme_id=1,
            revision=self.programme.revision,
            settings=self.programme.settings,
            assets=self.programme.assets,
            outlets=self.programme.outlets,
            promos=tuple(each.version for promo in self.programme.promos for each in promo.saved),
        )

    async def clients(self) -> list[StoredClient]:
        return list(self.programme.clients)

    async def stored(self, code: str) -> StoredProgramme | None:
        return self.programme

    async def change(
        self,
        code: str,
        decide: Callable[[StoredProgramme | None], CatalogueChange | None],
        *,
        actor: str,
        now: datetime,
        shelf_of: Corner | None = None,
    ) -> int | None:
        assert code == self.programme.settings.code
        assert shelf_of is not None
        change = decide(msgspec.structs.replace(self.programme, shelf=self._shelf(shelf_of)))
        if change is None:
            return None
        self.changes.append(change)
        promos = {promo.code: promo for promo in self.programme.promos}
        for write in change.promos:
            known = promos.get(write.promo.code)
            saved = () if known is None else known.saved
            version = PromoVersion(
                promo_version_id=len(self.changes) * 100 + len(promos),
                promo_id=len(promos) + 1 if known is None else known.promo_id,
                version=len(saved) + 1,
                revision=self.programme.revision + 1,
                effective_from=write.effective_from,
                promo=write.promo,
            )
            promos[write.promo.code] = StoredPromo(
                promo_id=version.promo_id,
                origin=write.origin,
                saved=(*saved, SavedVersion(version=version, actor=actor, recorded_at=now)),
            )
        for reward in change.point_rewards:
            self.rewards[reward.point_reward_id] = reward
        self.programme = msgspec.structs.replace(
            self.programme,
            revision=self.programme.revision + 1,
            outlets=change.outlets,
            promos=tuple(promos.values()),
        )
        return self.programme.revision

    async def shown(
        self, programme_id: int, client_id: int, owner: str, outlet: str | None, *, limit: int
    ) -> list[ShownPointReward]:
        statuses = {
            promo.code: next((s.promo.status.value for s in promo.saved[::-1] if s.promo.status not in WAITING), None)
            for promo in self.programme.promos
        }
        found = [
            ShownPointReward(
                reward=each, statuses=tuple(s for code in each.promos if (s := statuses[code]) is not None)
            )
            for each in self.rewards.values()
            if each.ended_at is None
            and (each.corner.client_id, each.corner.owner) == (client_id, owner)
            and outlet in (None, each.corner.outlet)
        ]
        found.sort(key=lambda each: (each.reward.created_at, each.reward.point_reward_id), reverse=True)
        return found[:limit]

    def _shelf(self, corner: Corner) -> Shelf:
        owned = [each for each in self.rewards.values() if each.corner[:2] == corner[:2]]
        live = [each for each in owned if each.ended_at is None]
        return Shelf(
            corner=corner,
            rewards=tuple(each for each in live if each.corner == corner),
            next_id=max(self.rewards, default=0) + 1,
            next_number=max((each.number for each in owned if each.corner == corner), default=0) + 1,
            owned=len(live),
        )


class Engine(EngineDouble):
    """The double of the API's port with real point rewards."""

    def __init__(self, shelves: Shelves, keys: dict[str, StoredClient], now: Callable[[], datetime]) -> None:
        super().__init__(*keys.items())
        self.catalog = Catalog(shelves)
        self.point_rewards = PointRewards(self.catalog, shelves, shelves, now=now)

    def client_by_key(self, key_digest: bytes) -> tuple[StoredClient, Catalogue] | None:
        found = self.clients.get(key_digest)
        return None if found is None else (found, self.catalog.newest(1))

    def open_client(self) -> tuple[StoredClient, Catalogue] | None:
        found = [client for client in self.clients.values() if client.client.open]
        return (found[0], self.catalog.newest(1)) if len(found) == 1 else None


class Desk:
    """One client of one programme at the five routes. The clock goes on a second a call."""

    def __init__(self, *, settings: Settings = SETTINGS, **client_changes: Any) -> None:
        client = Client(**{"code": "pos", "rights": ("profitflow",)} | client_changes)
        other = Client(code="other", rights=("profitflow",))
        keys = {
            "demo-profitflow": _stored(3, client, "demo-profitflow"),
            "other": _stored(4, other, "other"),
        }
        self.now = NOW
        self.shelves = Shelves(settings, tuple(keys.values()))
        self.engine = Engine(self.shelves, keys, lambda: self.now)

    async def post(
        self, action: str, body: Any, *, headers: dict[str, str] | None = None, host: str = "127.0.0.1"
    ) -> Answer:
        """Post a body: bytes as they are, anything else as JSON."""
        await self.engine.catalog.refresh()
        app = build_app(self.engine)  # type: ignore[arg-type]
        transport = httpx.ASGITransport(app=app, client=(host, 4000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:4000") as http:
            reply = await http.post(
                f"/api/pointreward/{action}",
                content=body if isinstance(body, bytes) else json.dumps(body).encode(),
                headers=KEY if headers is None else headers,
            )
        self.now += timedelta(seconds=1)
        assert reply.headers["content-type"] == "application/json"
        return Answer(reply.status_code, reply.text)

    async def add(self, **said: Any) -> None:
        """Add a point reward that has to be taken."""
        answer = await self.post("add", {**HERE, "name": "Rule", **said})
        assert answer.json == {"user_id": OWNER, "message": "point reward created"}

    async def shown(self, **where: Any) -> list[dict[str, Any]]:
        answer = await self.post("show", {**HERE, **where})
        assert answer.status == 200, answer.text
        return list(answer.json)

    @property
    def rules(self) -> list[PointReward]:
        """Every point reward, deleted ones too, in the order they were made."""
        return list(self.shelves.rewards.values())

    def promos(self) -> dict[str, StoredPromo]:
        """The promos by the part of their code behind the number."""
        return {promo.code.split("-", 2)[2]: promo for promo in self.shelves.programme.promos}

    def statuses(self) -> dict[str, str]:
        return {part: promo.newest.promo.status.value for part, promo in self.promos().items()}


def _stored(client_id: int, client: Client, key: str) -> StoredClient:
    return StoredClient(client_id=client_id, programme_id=1, client=client, key_digest=digest_of_key(key))


def fixture(name: str) -> Any:
    """A captured example: its request, response and notes."""
    return json.loads((Path(__file__).parent / "profitflow" / "fixtures" / f"{name}.json").read_text(encoding="utf-8"))


def request(name: str) -> Any:
    """The request of a captured example, to be changed at will."""
    return copy.deepcopy(fixture(name)["request"])
