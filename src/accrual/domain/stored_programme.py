"""A programme as the store holds it, and a change to it: values that engine and store exchange. Nothing is decided here."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from accrual.domain.point_rewards import PointReward, Shelf
from accrual.domain.programme import Asset, Client, Outlet, Settings, StoredAsset, StoredClient
from accrual.domain.promos import Promo, PromoVersion
from accrual.domain.rewards import RewardItem

FILE_ORIGIN = "file"
"""The origin of promos that a programme file made; those of dialects and of the API carry a name of their own."""


class SavedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version with who saved it, and when."""

    version: PromoVersion
    actor: str
    recorded_at: datetime

    @property
    def promo(self) -> Promo:
        """The document as it was saved."""
        return self.version.promo


class Reasoned(msgspec.Struct, frozen=True, kw_only=True):
    """What the audit says of a saved version: the action that made it, and why."""

    action: str
    reason: str | None


class StoredPromo(msgspec.Struct, frozen=True, kw_only=True):
    """A promo: where it came from, and all its versions, oldest first; there is at least one."""

    promo_id: int
    origin: str
    saved: tuple[SavedVersion, ...]

    @property
    def newest(self) -> PromoVersion:
        """The version saved last, whether or not it holds."""
        return self.saved[-1].version

    @property
    def code(self) -> str:
        """The promo's identity in its programme."""
        return self.newest.promo.code


class StoredProgramme(msgspec.Struct, frozen=True, kw_only=True):
    """A programme at its newest revision. Documents of clients carry no key.

    `used` tells whether a command was ever recorded; `facts_lag` is the longest time between occurrence and recording
    among the newest commands, None where there are none. `shelf` holds point rewards where a change asked for some.
    """

    programme_id: int
    revision: int
    settings: Settings
    assets: tuple[StoredAsset, ...]
    outlets: tuple[Outlet, ...]
    clients: tuple[StoredClient, ...]
    ended_clients: tuple[StoredClient, ...]
    promos: tuple[StoredPromo, ...]
    used: bool
    facts_lag: timedelta | None
    shelf: Shelf | None = None
    rewards: tuple[RewardItem, ...] = ()


class ClientWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A client to make or to change; it is then no longer ended. `client` carries no key, only the digest does."""

    client: Client
    key_digest: bytes | None


class PromoWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A new version of a promo, made if there is none of its code yet."""

    promo: Promo
    effective_from: datetime | None
    origin: str = FILE_ORIGIN


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who changed what: `subject` such as `promo PAYDAY-2X`; before and after are plain values without keys."""

    action: str
    subject: str
    before: object
    after: object


class CatalogueChange(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one change writes, in one transaction and under one new revision. `rewards` None: they stay as they are."""

    settings: Settings
    outlets: tuple[Outlet, ...]
    revises: bool
    assets: tuple[Asset, ...]
    clients: tuple[ClientWrite, ...]
    ended_clients: tuple[str, ...]
    promos: tuple[PromoWrite, ...]
    audit: tuple[AuditEntry, ...]
    point_rewards: tuple[PointReward, ...] = ()
    rewards: tuple[RewardItem, ...] | None = None
