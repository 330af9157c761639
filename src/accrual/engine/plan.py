"""The difference between a programme document and what is stored: what to show, and what to write. Pure; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime, timedelta
from typing import Any

import msgspec

from accrual.domain.documents import write_out
from accrual.domain.errors import Conflict, Refused
from accrual.domain.programme import Asset, Client, Outlet, Programme, StoredClient
from accrual.domain.promos import WAITING, Promo, PromoStatus
from accrual.domain.rewards import RewardItem
from accrual.domain.stored_programme import (
    FILE_ORIGIN,
    AuditEntry,
    CatalogueChange,
    ClientWrite,
    PromoWrite,
    StoredProgramme,
    StoredPromo,
)
from accrual.engine.plan_clients import warn_of_client
from accrual.engine.plan_identities import warn_of_spellings
from accrual.engine.plan_outlets import warn_of_outlet
from accrual.engine.plan_promos import want
from accrual.engine.plan_rewards import warn_of_reward
from accrual.engine.plan_shape import Effect, Plan, PlanItem, differences
from accrual.rules.lifecycle import Life, moment_of, read_life
from accrual.rules.overlap import Overlaps

LAG_WORTH_A_WARNING = timedelta(days=1)
FINGERPRINT_DIGITS = 12


def make_plan(
    document: Programme,
    stored: StoredProgramme | None,
    *,
    key_digests: Mapping[str, bytes],
    now: datetime,
    prune: bool = False,
    status_open: Set[str] = frozenset(),
) -> Plan:
    """Compare a checked document with what is stored. `key_digests` are SHA-256 of the clients' keys by client code.

    `status_open` are the codes of promos whose status the file does not name: those stay paused, ended or drafts as
    they are. Under four eyes what a file would make give is stored as a draft.

    What the file does not name stays; with `prune` it is ended, except for assets (their points are in the ledger) and
    promos that something else than a file made. Raises Conflict `promo_not_ours`, Refused `currency_fixed`.
    """
    work = _Work(document, stored, key_digests, now, prune, status_open)
    work.settings()
    work.assets()
    work.outlets()
    work.clients()
    work.promos()
    work.rewards()
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
        status_open: Set[str],
    ) -> None:
        self.document, self.stored, self.key_digests, self.now, self.prune = document, stored, key_digests, now, prune
        self.status_open = status_open
        self._met: Overlaps | None = None
        self.items: list[PlanItem] = []
        self.audit: list[AuditEntry] = []
        self.revises = False
        self.new_assets: list[Asset] = []
        self.new_outlets: list[Outlet] = []
        self.new_clients: list[ClientWrite] = []
        self.ended_clients: list[str] = []
        self.new_promos: list[PromoWrite] = []
        self.new_rewards: list[RewardItem] = []

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
            rewards=tuple(self.new_rewards),
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
        warnings: tuple[str, ...] = ()
        if before is not None and stored is not None and stored.used:
            for name in ("currency", "minor_units"):
                if getattr(before, name) != getattr(after, name):
                    raise Refused(
                        f"programme.{name} is {getattr(before, name)} and stays so: recorded amounts are counted in it.",
                        code="currency_fixed",
                    )
            warnings = warn_of_spellings(before, after)
        effect = self._compare("programme", after.code, before, after, warnings=warnings)
        self.revises |= effect is not Effect.UNCHANGED

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
        makers = [client.code for client in self.document.clients if "profitflow" in client.rights]
        for outlet in self.document.outlets:
            warnings = warn_of_outlet(outlet, makers)
            effect = self._compare("outlet", outlet.code, known.pop(outlet.code, None), outlet, warnings=warnings)
            self.revises |= effect is not Effect.UNCHANGED
            self.new_outlets.append(outlet)
        kept = self._outlets_of_others() if self.prune else {}
        for code, outlet in known.items():
            if self.prune and code not in kept:
                self._ended("outlet", code, outlet, None)
                self.revises = True
            else:
                self._left("outlet", code, (f"kept for promos made by {kept[code]}",) if code in kept else ())
                self.new_outlets.append(outlet)

    def _outlets_of_others(self) -> Mapping[str, str]:
        """Outlets at which promos hold that no file made, with who made them: pruning ends neither."""
        found = {}
        for promo in self.stored.promos if self.stored else ():
            if promo.origin != FILE_ORIGIN and read_life(promo.saved).status is not PromoStatus.ENDED:
                found.update(dict.fromkeys(promo.newest.promo.where.outlets, promo.origin))
        return found

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
            effect = self._compare(
                "client", client.code, shown, full, notes=notes, brief=brief, warnings=warn_of_client(client)
            )
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
        known = {item.code: item for item in self.stored.promos} if self.stored else {}
        for promo in self.document.promos:
            self._promo(promo, known.pop(promo.code, None))
        for code, left in known.items():
            life = read_life(left.saved)
            if life.status is PromoStatus.ENDED:
                continue
            if self.prune and left.origin == FILE_ORIGIN:
                before = (life.live or left.saved[-1]).promo
                ended = msgspec.structs.replace(before, status=PromoStatus.ENDED, effective_from=None)
                self._ended("promo", code, before, ended, self._words(self.now))
                self.new_promos.append(PromoWrite(promo=ended, effective_from=self.now))
            else:
                notes = (f"made by {left.origin}, never pruned",) if left.origin != FILE_ORIGIN else ()
                self._left("promo", code, notes)

    def rewards(self) -> None:
        known = {item.code: item for item in self.stored.rewards} if self.stored else {}
        for item in self.document.rewards:
            before = known.pop(item.code, None)
            effect = self._compare("reward", item.code, before, item, warnings=warn_of_reward(before, item))
            self.revises |= effect is not Effect.UNCHANGED
            self.new_rewards.append(item)
        for code, item in known.items():
            if self.prune:
                self._ended("reward", code, item, None)
                self.revises = True
            else:
                self._left("reward", code)
                self.new_rewards.append(item)

    def _promo(self, promo: Promo, before: StoredPromo | None) -> None:
        if before is not None and before.origin != FILE_ORIGIN:
            raise Conflict(
                f"Promo {promo.code} was made by {before.origin}. Change it there, or choose another code in the file.",
                code="promo_not_ours",
                details={"promo": promo.code, "origin": before.origin},
            )
        life = read_life(before.saved) if before is not None else Life(None, None)
        four_eyes = self.document.programme.four_eyes or (self.stored is not None and self.stored.settings.four_eyes)
        wanted = want(promo, life, is_open=promo.code in self.status_open, four_eyes=four_eyes)
        if not wanted.changes:
            self.items.append(PlanItem(effect=Effect.UNCHANGED, kind="promo", code=promo.code, notes=wanted.notes))
            return
        moment, words = None, "its activation"
        warnings: tuple[str, ...] = ()
        if wanted.promo.status not in WAITING:
            moment = moment_of(life, wanted.promo, settings=self.document.programme, now=self.now)
            words = self._words(moment)
            warnings = self._warnings(wanted.promo, moment, is_first=life.live is None)
        self._compare(
            "promo",
            promo.code,
            wanted.before,
            wanted.promo,
            holds_from=words,
            notes=wanted.notes,
            warnings=(*warnings, *self._overlaps(wanted.promo)),
            brief=promo,
        )
        self.new_promos.append(PromoWrite(promo=wanted.promo, effective_from=moment))

    def _overlaps(self, promo: Promo) -> tuple[str, ...]:
        if promo.status is PromoStatus.ENDED:
            return ()
        if self._met is None:
            named = {each.code for each in self.document.promos}
            stored = self.stored.promos if self.stored else ()
            lives = [read_life(each.saved) for each in stored if each.code not in named]
            kept = [version.promo for life in lives for version in life if version is not None]
            everything = [*self.document.promos, *kept]
            self._met = Overlaps(
                (each for each in everything if each.status is not PromoStatus.ENDED), self.document.programme
            )
        return tuple(f"overlaps {other}: {how}" for other, how in self._met.of(promo))

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
