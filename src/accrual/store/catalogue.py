"""Reads catalogues at any revision and writes changes to them, each in one audited transaction; never decides one."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

import asyncpg
import msgspec

from accrual.domain.commands import Reward, decode_command
from accrual.domain.documents import encode_document
from accrual.domain.draws import SECRET_BYTES, terms_of
from accrual.domain.errors import Conflict, Missing
from accrual.domain.point_rewards import Corner
from accrual.domain.programme import Asset, Catalogue, Client, Outlet, Settings, StoredAsset, StoredClient
from accrual.domain.promos import Promo, PromoVersion
from accrual.domain.rewards import RewardItem, StoredReward
from accrual.domain.stored_programme import CatalogueChange, SavedVersion, StoredProgramme, StoredPromo
from accrual.store.audit import act_for
from accrual.store.connection import Connection, Pool, Record
from accrual.store.draw_rounds import beacon_of, open_first_round, read_rounds, read_secrets
from accrual.store.point_rewards import read_shelf, write_reward
from accrual.store.postgres import ATTEMPTS_MAX, mapping_loss, transact
from accrual.store.sql import query

_REVISIONS, _SETTINGS = query("catalogue/revisions"), query("catalogue/settings")
_PROGRAMME, _PROGRAMME_LOCK = query("catalogue/programme"), query("catalogue/programme_lock")
_PROGRAMME_MAKE, _PROGRAMME_RAISE = query("catalogue/programme_make"), query("catalogue/programme_raise")
_ASSETS, _CLIENTS, _CLIENTS_OF = query("catalogue/assets"), query("catalogue/clients"), query("catalogue/clients_of")
_PROMOS, _PROMO_VERSIONS = query("catalogue/promos"), query("catalogue/promo_versions")
_SETTINGS_WRITE, _ASSET_WRITE = query("catalogue/settings_write"), query("catalogue/asset_write")
_CLIENT_WRITE, _CLIENT_END = query("catalogue/client_write"), query("catalogue/client_end")
_PROMO_MAKE, _PROMO_VERSION_WRITE = query("catalogue/promo_make"), query("catalogue/promo_version_write")
_AUDIT_WRITE, _NEWEST_COMMANDS = query("catalogue/audit_write"), query("catalogue/newest_commands")
_LABELLED = query("catalogue/labelled")
_REWARDS, _REWARD_MAKE = query("catalogue/rewards"), query("catalogue/reward_make")

_OUTLETS = msgspec.json.Decoder(tuple[Outlet, ...])
_ITEMS = msgspec.json.Decoder(tuple[RewardItem, ...])


class CatalogueStore:
    """Both the CatalogueSource and the CatalogueSink of the engine, over one pool.

    `draw_id` makes the ids of audit rows, `draw_secret` the secrets of new draws, and `draw_key` is the hosts' part of them.
    `with_secrets` reads those of open rounds, as only who draws does; without it a catalogue has rounds whose secret is nobody's.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        draw_id: Callable[[], uuid.UUID] = uuid.uuid4,
        draw_secret: Callable[[int], bytes] = secrets.token_bytes,
        draw_key: bytes | None = None,
        with_secrets: bool = False,
    ) -> None:
        self._pool = pool
        self._draw_id = draw_id
        self._draw_secret = draw_secret
        self._draw_key = draw_key
        self._read_rounds = read_secrets if with_secrets else read_rounds

    async def revisions(self) -> dict[int, int]:
        """The newest revision of every programme, by programme_id."""
        with mapping_loss():
            return {row["programme_id"]: row["revision"] for row in await self._pool.fetch(_REVISIONS)}

    async def sessions_labelled(self, label: str) -> int:
        """How many sessions over this database, of whichever process and login, have this label. Raises DatabaseDown."""
        with mapping_loss():
            return int(await self._pool.fetchval(_LABELLED, f"accrual {label}"))

    async def programme_id_of(self, code: str) -> int | None:
        """The number of the programme with this code."""
        with mapping_loss():
            row = await self._pool.fetchrow(_PROGRAMME, code)
        return None if row is None else int(row["programme_id"])

    async def catalogue(self, programme_id: int, revision: int | None = None) -> Catalogue:
        """A programme at a revision (None: the newest), read in one snapshot. Raises Missing."""

        async def read(connection: Connection) -> Catalogue:
            known = {row["programme_id"]: row["revision"] for row in await connection.fetch(_REVISIONS)}
            newest = known.get(programme_id)
            if newest is None or (revision is not None and not 1 <= revision <= newest):
                raise Missing(f"There is no programme {programme_id} at revision {revision}.")
            at = newest if revision is None else revision
            settings, outlets, items = await _settings_at(connection, programme_id, at)
            return Catalogue(
                programme_id=programme_id,
                revision=at,
                settings=settings,
                assets=await _assets(connection, programme_id),
                outlets=outlets,
                promos=tuple(_version(row) for row in await connection.fetch(_PROMO_VERSIONS, programme_id, at)),
                rewards=await _rewards(connection, programme_id, items),
                secrets=await self._read_rounds(connection, programme_id, at),
            )

        return await transact(self._pool, read, repeatable=True, isolation="repeatable_read")

    async def clients(self) -> list[StoredClient]:
        """Every client that has not been ended, with its key digest."""
        with mapping_loss():
            return [_client(row) for row in await self._pool.fetch(_CLIENTS)]

    async def stored(self, code: str) -> StoredProgramme | None:
        """A programme at its newest revision, None when there is none of this code."""

        async def read(connection: Connection) -> StoredProgramme | None:
            row = await connection.fetchrow(_PROGRAMME, code)
            return None if row is None else await _stored(connection, row)

        return await transact(self._pool, read, repeatable=True, isolation="repeatable_read")

    async def change(
        self,
        code: str,
        decide: Callable[[StoredProgramme | None], CatalogueChange | None],
        *,
        actor: str,
        now: datetime,
        shelf_of: Corner | None = None,
    ) -> int | None:
        """Decide under the programme's lock and write all of it in one transaction; the new revision, None: no change.

        With `shelf_of` what is decided upon holds the point rewards of that corner.
        Deciding and writing are repeated when another process made a programme, client or promo at the same moment.
        Raises Conflict `key_taken`; DatabaseDown, then with details `{"committed": "unknown"}` if it may be done.
        """

        async def work(connection: Connection) -> int | None:
            await act_for(connection, actor)
            row = await connection.fetchrow(_PROGRAMME_LOCK, code)
            stored = None if row is None else await _stored(connection, row)
            if stored is not None and shelf_of is not None:
                shelf = await read_shelf(connection, stored.programme_id, shelf_of)
                stored = msgspec.structs.replace(stored, shelf=shelf)
            change = decide(stored)
            if change is None:
                return None
            if row is None:
                row = await connection.fetchrow(_PROGRAMME_MAKE, code)
                assert row is not None  # noqa: S101 - an insert that returns nothing has raised
            revision = int(row["revision"]) + 1
            await self._write(connection, row["programme_id"], revision, change, actor, now)
            return revision

        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await transact(self._pool, work)
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name == "client_key":
                    raise Conflict(
                        "Another client has the same key. Each client needs a key of its own.", code="key_taken"
                    ) from error
                if attempt == ATTEMPTS_MAX:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _write(
        self,
        connection: Connection,
        programme_id: int,
        revision: int,
        change: CatalogueChange,
        actor: str,
        now: datetime,
    ) -> None:
        await connection.execute(_PROGRAMME_RAISE, programme_id, revision)
        if change.revises:
            documents = encode_document(change.settings), encode_document(change.outlets)
            rewards = None if change.rewards is None else encode_document(change.rewards)
            await connection.execute(_SETTINGS_WRITE, programme_id, revision, now, actor, *documents, rewards)
            for item in change.rewards or ():
                await connection.execute(_REWARD_MAKE, programme_id, item.code)
        for asset in change.assets:
            await connection.execute(_ASSET_WRITE, programme_id, asset.code, encode_document(asset))
        for code in change.ended_clients:
            await connection.execute(_CLIENT_END, programme_id, code, now)
        for write in change.clients:
            document = encode_document(_keyless(write.client))
            await connection.execute(_CLIENT_WRITE, programme_id, write.client.code, write.key_digest, document)
        made = [(programme_id, version.promo.code, version.origin) for version in change.promos]
        await connection.executemany(_PROMO_MAKE, made)
        saved = (programme_id, revision, now, actor)
        await connection.executemany(
            _PROMO_VERSION_WRITE,
            [(*saved, each.promo.code, each.effective_from, encode_document(each.promo)) for each in change.promos],
        )
        for version in change.promos:
            promo = version.promo
            if any(benefit.draw is not None or benefit.raffle is not None for benefit in promo.benefits):
                secret = self._draw_secret(SECRET_BYTES)
                raffle = any(benefit.raffle is not None for benefit in promo.benefits)
                terms = terms_of(secret, self._draw_key, await beacon_of(connection, raffle=raffle))
                await open_first_round(connection, programme_id, promo.code, revision, secret, terms, actor, now)
        for reward in change.point_rewards:
            await write_reward(connection, programme_id, reward)
        said = (programme_id, now, actor)
        await connection.executemany(
            _AUDIT_WRITE,
            [
                (self._draw_id(), *said, entry.action, entry.subject, _document(entry.before), _document(entry.after))
                for entry in change.audit
            ],
        )


def _document(value: object) -> str | None:
    return None if value is None else encode_document(value)


def _keyless(client: Client) -> Client:
    """No key in any form reaches a document: the digest has a column of its own."""
    return msgspec.structs.replace(client, key=None, key_sha256=None, key_env=None)


async def _settings_at(
    connection: Connection, programme_id: int, revision: int
) -> tuple[Settings, tuple[Outlet, ...], tuple[RewardItem, ...]]:
    row = await connection.fetchrow(_SETTINGS, programme_id, revision)
    if row is None:
        raise Missing(f"Programme {programme_id} has no settings at revision {revision}.")
    settings = msgspec.json.decode(row["settings"], type=Settings)
    return settings, _OUTLETS.decode(row["outlets"]), _ITEMS.decode(row["rewards"])


async def _rewards(
    connection: Connection, programme_id: int, items: tuple[RewardItem, ...]
) -> tuple[StoredReward, ...]:
    if not items:
        return ()
    numbers = {row["code"]: row["reward_id"] for row in await connection.fetch(_REWARDS, programme_id)}
    return tuple(StoredReward(reward_id=numbers[item.code], item=item) for item in items)


async def _assets(connection: Connection, programme_id: int) -> tuple[StoredAsset, ...]:
    rows = await connection.fetch(_ASSETS, programme_id)
    return tuple(
        StoredAsset(asset_id=row["asset_id"], asset=msgspec.json.decode(row["document"], type=Asset)) for row in rows
    )


def _version(row: Record) -> PromoVersion:
    return PromoVersion(
        promo_version_id=row["promo_version_id"],
        promo_id=row["promo_id"],
        version=row["version"],
        revision=row["revision"],
        effective_from=row["effective_from"],
        promo=msgspec.json.decode(row["document"], type=Promo),
    )


def _client(row: Record) -> StoredClient:
    return StoredClient(
        client_id=row["client_id"],
        programme_id=row["programme_id"],
        client=msgspec.json.decode(row["document"], type=Client),
        key_digest=row["key_digest"],
    )


async def _stored(connection: Connection, programme: Record) -> StoredProgramme:
    programme_id, revision = programme["programme_id"], programme["revision"]
    settings, outlets, rewards = await _settings_at(connection, programme_id, revision)
    clients = await connection.fetch(_CLIENTS_OF, programme_id)
    lags = [_lag(row) for row in await connection.fetch(_NEWEST_COMMANDS, programme_id)]
    return StoredProgramme(
        programme_id=programme_id,
        revision=revision,
        settings=settings,
        assets=await _assets(connection, programme_id),
        outlets=outlets,
        clients=tuple(_client(row) for row in clients if not row["ended"]),
        ended_clients=tuple(_client(row) for row in clients if row["ended"]),
        promos=read_promos(await connection.fetch(_PROMOS, programme_id)),
        used=bool(lags),
        facts_lag=max(lags, default=None),
        rewards=rewards,
    )


def read_promos(rows: Sequence[Record]) -> tuple[StoredPromo, ...]:
    """Promos from rows of versions, those of one promo together, oldest first."""
    return tuple(
        StoredPromo(
            promo_id=promo_id,
            origin=origin,
            saved=tuple(
                SavedVersion(version=_version(row), actor=row["actor"], recorded_at=row["recorded_at"])
                for row in versions
            ),
        )
        for (promo_id, origin), versions in groupby(rows, key=lambda row: (row["promo_id"], row["origin"]))
    )


def _lag(row: Record) -> timedelta:
    command = decode_command(row["facts"])
    recorded_at: datetime = row["recorded_at"]
    if not isinstance(command, Reward):
        return timedelta()
    moments: list[datetime] = [fact.occurred_at or recorded_at for fact in command.facts]
    return max(timedelta(), recorded_at - min(moments, default=recorded_at))
