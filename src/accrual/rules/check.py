"""Whether a programme document can be judged by at all: names that exist, texts that parse. It reads no file and no store."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from accrual.domain.programme import Client, Outlet, Programme, Settings, SignaturePolicy
from accrual.domain.rights import RIGHTS, SHORTHANDS
from accrual.rules.check_bounds import check_price
from accrual.rules.check_identities import check_identities
from accrual.rules.check_promo import check_duration, check_promo
from accrual.rules.check_reward import check_reward
from accrual.rules.check_tiers import check_tiers
from accrual.rules.check_velocity import check_velocity_rules
from accrual.rules.problems import Problem, repeated, suggest

COUNTS_MAX = {"assets": 1_000, "outlets": 100_000, "clients": 1_000, "promos": 20_000, "rewards": 10_000}


def check_programme(programme: Programme) -> list[Problem]:
    """Everything that is wrong, in the order of the document; empty when it can be applied."""
    return list(_problems(programme))


def _problems(programme: Programme) -> Iterator[Problem]:
    yield from _check_settings(programme.programme)
    for section, most in COUNTS_MAX.items():
        items = getattr(programme, section)
        if len(items) > most:
            yield Problem(section, f"has {len(items)} entries, at most {most} are allowed")
        yield from repeated((item.code for item in items), section)
    yield from check_tiers(programme)
    yield from check_velocity_rules(programme.programme)
    yield from check_identities(programme.programme)
    yield from _check_aliases(programme)
    yield from _check_owners(programme)
    if programme.members and not programme.programme.demo:
        yield Problem("members", "only a demo programme may name members; others become members by their first command")
    elif programme.members and not programme.clients:
        yield Problem("members", "need a client in whose name they are made")
    yield from repeated((f"{member.kind} {member.value}" for member in programme.members), "members")
    for index, client in enumerate(programme.clients):
        yield from _check_client(f"clients[{index}]", client, programme)
    yield from _check_open(programme)
    zone_is_known = zone_exists(programme.programme.time_zone)
    assets = frozenset(asset.code for asset in programme.assets)
    outlets = frozenset(outlet.code for outlet in programme.outlets)
    clients = frozenset(client.code for client in programme.clients)
    for index, promo in enumerate(programme.promos):
        zone = promo.window.zone or programme.programme.time_zone
        if promo.window.zone is not None and not zone_exists(zone):
            yield Problem(f"promos[{index}].window.zone", _unknown_zone(zone))
        elif zone_is_known or promo.window.zone is not None:
            yield from check_promo(
                f"promos[{index}]",
                promo,
                settings=programme.programme,
                zone=zone,
                assets=assets,
                outlets=outlets,
                clients=clients,
            )
    for index, item in enumerate(programme.rewards):
        path, zone = f"rewards[{index}]", item.window.zone or programme.programme.time_zone
        if item.window.zone is not None and not zone_exists(zone):
            yield Problem(f"{path}.window.zone", _unknown_zone(zone))
        elif zone_is_known or item.window.zone is not None:
            yield from check_reward(path, item, zone=zone, assets=assets, outlets=outlets)
        yield from check_price(path, item, programme.programme)


def zone_exists(name: str) -> bool:
    """Whether this is an IANA zone that this installation knows."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _unknown_zone(name: str) -> str:
    return f"unknown time zone {name!r}{suggest(name, available_timezones())}"


def _check_settings(settings: Settings) -> Iterator[Problem]:
    if not zone_exists(settings.time_zone):
        yield Problem("programme.time_zone", _unknown_zone(settings.time_zone))
    if settings.late_limit is not None:
        yield from check_duration("programme.late_limit", settings.late_limit)
    if settings.referral.grace is not None:
        yield from check_duration("programme.referral.grace", settings.referral.grace)


def _check_aliases(programme: Programme) -> Iterator[Problem]:
    clients = {client.code for client in programme.clients}
    homes: dict[tuple[str, str], Outlet] = {}
    for index, outlet in enumerate(programme.outlets):
        for client, names in outlet.aliases.items():
            path = f"outlets[{index}].aliases.{client}"
            if client not in clients:
                yield Problem(path, f"unknown client {client!r}{suggest(client, clients)}")
            for name in names:
                home = homes.setdefault((client, name), outlet)
                if home is not outlet:
                    yield Problem(path, f"{name!r} is already an alias of outlet {home.code!r}")


def _check_owners(programme: Programme) -> Iterator[Problem]:
    clients = {client.code for client in programme.clients}
    for index, outlet in enumerate(programme.outlets):
        for place, client in enumerate(outlet.clients):
            if client not in clients:
                path = f"outlets[{index}].clients[{place}]"
                yield Problem(path, f"unknown client {client!r}{suggest(client, clients)}")


def _check_open(programme: Programme) -> Iterator[Problem]:
    """A client without a key is for trying things out: one, in a demo, whose server answers on loopback only."""
    opened = [index for index, client in enumerate(programme.clients) if client.open]
    for index in opened:
        if not programme.programme.demo:
            yield Problem(f"clients[{index}].open", "a client without a key is only for a programme with demo: true")
    for index in opened[1:]:
        yield Problem(f"clients[{index}].open", f"clients[{opened[0]}] is open already, and only one can be")


def _check_client(path: str, client: Client, programme: Programme) -> Iterator[Problem]:
    for index, right in enumerate(client.rights):
        if right not in RIGHTS and right not in SHORTHANDS:
            yield Problem(f"{path}.rights[{index}]", f"unknown right {right!r}{suggest(right, RIGHTS)}")
    keys = [name for name in ("key", "key_sha256", "key_env") if getattr(client, name) is not None]
    if len(keys) != 1:
        named = f"not {' and '.join(keys)}" if keys else "to have a key at all"
        yield Problem(path, f"a client needs exactly one of key_sha256 and key_env, {named}")
    if client.key is not None and not programme.programme.demo:
        yield Problem(
            f"{path}.key", "a plain key is only for a programme with demo: true; use key_sha256 or key_env instead"
        )
    if client.key is not None and not client.key.strip():
        yield Problem(f"{path}.key", "the key is empty")
    outlets = {outlet.code for outlet in programme.outlets}
    if client.default_outlet is not None and client.default_outlet not in outlets:
        yield Problem(
            f"{path}.default_outlet",
            f"unknown outlet {client.default_outlet!r}{suggest(client.default_outlet, outlets)}",
        )
    assets = {asset.code for asset in programme.assets}
    if client.asset is not None and client.asset not in assets:
        yield Problem(f"{path}.asset", f"unknown asset {client.asset!r}{suggest(client.asset, assets)}")
    if client.signature.policy is not SignaturePolicy.OFF and not client.signature.public_keys:
        yield Problem(f"{path}.signature", f"policy {client.signature.policy} needs public_keys")
