"""The difference between a programme document and what is stored: what to show, and what to write. Pure; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from accrual.domain.documents import write_out
from accrual.domain.errors import Conflict, Refused
from accrual.domain.programme import Asset, Client, Outlet, Programme, StoredClient
from accrual.domain.promos import Promo, PromoStatus
from accrual.domain.stored_programme import (
    FILE_ORIGIN,
    AuditEntry,
    CatalogueChange,
    ClientWrite,
    PromoWrite,
    StoredProgramme,
    StoredPromo,
)
from accrual.engine.plan_shape import Effect, Plan, PlanItem, differences
from accrual.rules.calendar import read_instant

LAG_WORTH_A_WARNING = timedelta(days=1)
FINGERPRINT_DIGITS = 12


def make_plan(
    document: Programme,
    stored: StoredProgramme | None,
    *,
    key_digests: Mapping[str, bytes],
    now: datetime,
    prune: bool = False,
) -> Plan:
    """Compare a checked document with what is stored. `key_digests` are SHA-256 of the clients' keys by client code.

    What the file does not name stays; with `prune` it is ended, except for assets (their points are in the ledger) and
    promos that something else than a file made. Raises Conflict `promo_not_ours`, Refused `currency_fixed`.
    """
    work = _Work(document, stored, key_digests, now, prune)
    work.settings()
    work.assets()
    work.outlets()
    work.clients()
    work.promos()
    return work.plan()


class _Work:
    """One comparison under way: each step adds items to show and writes to make."""

    def __init__(
        self,
        document: Programme,
        stored: StoredProgramme | None,
        key_digests: Mapping[str, bytes],
        now: datetime,
        prune: bool,
    ) -> None:
        self.document, self.stored, self.key_digests, self.now, self.prune = document, stored, key_digests, now, prune
        self.items: list[PlanItem] = []
        self.audit: list[AuditEntry] = []
        self.revises = False
        self.new_assets: list[Asset] = []
        self.new_outlets: list[Outlet] = []
        self.new_clients: list[ClientWrite] = []
        self.ended_clients: list[str] = []
        self.new_promos: list[PromoWrite] = []

    def plan(self) -> Plan:
        settings = self.document.programme
        change = CatalogueChange(
            settings=settings,
            outlets=tuple(self.new_outlets),
            revises=self.revises,
            assets=tuple(self.new_assets),
            clients=tuple(self.new_clients),
            ended_clients=tuple(self.ended_clients),
            promos=tuple(self.new_promos),
            audit=tuple(self.audit),
        )
        return Plan(
            programme=settings.code,
            revision=self.stored.revision if self.stored else 0,
            items=tuple(self.items),
            change=change if self.audit else None,
        )

    def settings(self) -> None:
        after, stored = self.document.programme, self.stored
        before = stored.settings if stored else None
        if before is not None and stored is not None and stored.used:
            for name in ("currency", "minor_units"):
                if getattr(before, name) != getattr(after, name):
                    raise Refused(
                        f"programme.{name} is {getattr(before, name)} and stays so: recorded amounts are counted in it.",
                        code="currency_fixed",
                    )
        self.revises |= self._compare("programme", after.code, before, after) is not Effect.UNCHANGED

    def assets(self) -> None:
        known = {item.asset.code: item.asset for item in self.stored.assets} if self.stored else {}
        for asset in self.document.assets:
            if self._compare("asset", asset.code, known.pop(asset.code, None), asset) is not Effect.UNCHANGED:
                self.new_assets.append(asset)
        for code in known:
            note = "assets are never removed: their points are in the ledger"
            self._left("asset", code, (note,) if self.prune else ())

    def outlets(self) -> None:
        known = {outlet.code: outlet for outlet in self.stored.outlets} if self.stored else {}
        for outlet in self.document.outlets:
            effect = self._compare("outlet", outlet.code, known.pop(outlet.code, None), outlet)
            self.revises |= effect is not Effect.UNCHANGED
            self.new_outlets.append(outlet)
        for code, outlet in known.items():
            if self.prune:
                self._ended("outlet", code, outlet, None)
                self.revises = True
            else:
                self._left("outlet", code)
                self.new_outlets.append(outlet)

    def clients(self) -> None:
        known = {item.client.code: item for item in self.stored.clients} if self.stored else {}
        ended = {item.client.code: item for item in self.stored.ended_clients} if self.stored else {}
        for client in self.document.clients:
            digest = self.key_digests.get(client.code)
            before = known.pop(client.code, None)
            notes = ("it was ended and is taken back",) if before is None and client.code in ended else ()
            keyless = msgspec.structs.replace(client, key=None, key_sha256=None, key_env=None)
            shown = None if before is None else _show_client(before.client, before.key_digest)
            full = _show_client(keyless, digest)
            brief = {**msgspec.to_builtins(keyless), "key": full["key"]}
            effect = self._compare("client", client.code, shown, full, notes=notes, brief=brief)
            if effect is not Effect.UNCHANGED:
                self.new_clients.append(ClientWrite(client=keyless, key_digest=digest))
        for code, left in known.items():
            self._leave_client(code, left)

    def _leave_client(self, code: str, left: StoredClient) -> None:
        if self.prune:
            self._ended("client", code, _show_client(left.client, left.key_digest), None)
            self.ended_clients.append(code)
        else:
            self._left("client", code)

    def promos(self) -> None:
        known = {item.newest.promo.code: item for item in self.stored.promos} if self.stored else {}
        for promo in self.document.promos:
            self._promo(promo, known.pop(promo.code, None))
        for code, left in known.items():
            if left.newest.promo.status is PromoStatus.ENDED:
                continue
            if self.prune and left.origin == FILE_ORIGIN:
                ended = msgspec.structs.replace(left.newest.promo, status=PromoStatus.ENDED, effective_from=None)
                self._ended("promo", code, left.newest.promo, ended, self._words(self.now))
                self.new_promos.append(PromoWrite(promo=ended, effective_from=self.now))
            else:
                notes = (f"made by {left.origin}, never pruned",) if left.origin != FILE_ORIGIN else ()
                self._left("promo", code, notes)

    def _promo(self, promo: Promo, before: StoredPromo | None) -> None:
        if before is not None and before.origin != FILE_ORIGIN:
            raise Conflict(
                f"Promo {promo.code} was made by {before.origin}. Change it there, or choose another code in the file.",
                code="promo_not_ours",
                details={"promo": promo.code, "origin": before.origin},
            )
        holds_from = self._holds_from(promo, is_first=before is None)
        effect = self._compare(
            "promo",
            promo.code,
            None if before is None else before.newest.promo,
            promo,
            holds_from=self._words(holds_from),
            warnings=self._warnings(promo, holds_from, is_first=before is None),
        )
        if effect is not Effect.UNCHANGED:
            self.new_promos.append(PromoWrite(promo=promo, effective_from=holds_from))

    def _holds_from(self, promo: Promo, *, is_first: bool) -> datetime | None:
        """SEMANTICS row 12: the first version from its window's start, each later one from now or its own instant."""
        zone = promo.window.zone or self.document.programme.time_zone
        if promo.effective_from is not None:
            return read_instant(promo.effective_from, zone)
        if not is_first:
            return self.now
        return None if promo.window.from_ is None else read_instant(promo.window.from_, zone)

    def _words(self, holds_from: datetime | None) -> str:
        return "the beginning" if holds_from is None else holds_from.isoformat(timespec="seconds")

    def _warnings(self, promo: Promo, holds_from: datetime | None, *, is_first: bool) -> tuple[str, ...]:
        if holds_from is None or (is_first and promo.effective_from is None):
            return ()
        lag = self.stored.facts_lag if self.stored else None
        if lag is not None and lag > LAG_WORTH_A_WARNING and self.now - lag < holds_from:
            return (
                f"recent facts were up to {lag.days} days old when they came; those from before {self._words(holds_from)} "
                "are still judged by the version before. Set effective_from to reach them.",
            )
        if not is_first and holds_from < self.now:
            return ("holds from an instant in the past: facts that come late are judged by it, past awards stay",)
        return ()

    def _compare(
        self,
        kind: str,
        code: str,
        before: Any,
        after: Any,
        *,
        holds_from: str | None = None,
        notes: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
        brief: Any = None,
    ) -> Effect:
        """Note the difference; of a new thing `brief`, or itself as its author wrote it, without its defaults."""
        plain_before, plain_after = (None if value is None else write_out(value) for value in (before, after))
        if plain_before == plain_after:
            self.items.append(PlanItem(effect=Effect.UNCHANGED, kind=kind, code=code))
            return Effect.UNCHANGED
        effect = Effect.CREATE if before is None else Effect.CHANGE
        fields = differences(
            {} if before is None else plain_before,
            plain_after if before is not None else msgspec.to_builtins(after if brief is None else brief),
        )
        self.items.append(
            PlanItem(
                effect=effect,
                kind=kind,
                code=code,
                fields=fields,
                holds_from=holds_from,
                notes=notes,
                warnings=warnings,
            )
        )
        self.audit.append(
            AuditEntry(action=effect.value, subject=f"{kind} {code}", before=plain_before, after=plain_after)
        )
        return effect

    def _ended(self, kind: str, code: str, before: Any, after: Any, holds_from: str | None = None) -> None:
        self.items.append(PlanItem(effect=Effect.END, kind=kind, code=code, holds_from=holds_from))
        self.audit.append(
            AuditEntry(
                action=Effect.END.value,
                subject=f"{kind} {code}",
                before=write_out(before),
                after=None if after is None else write_out(after),
            )
        )

    def _left(self, kind: str, code: str, notes: tuple[str, ...] = ()) -> None:
        self.items.append(PlanItem(effect=Effect.NOT_IN_FILE, kind=kind, code=code, notes=notes))


def _show_client(client: Client, digest: bytes | None) -> dict[str, Any]:
    """A client as it is compared and audited: in place of a key the first digits of its digest."""
    plain = {name: value for name, value in write_out(client).items() if name not in ("key", "key_sha256", "key_env")}
    plain["key"] = None if digest is None else f"sha256:{digest.hex()[:FINGERPRINT_DIGITS]}..."
    return plain
