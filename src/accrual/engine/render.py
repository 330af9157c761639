"""Tickets and members as JSON values, the same for the native API and the command line; nothing is looked up here."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from accrual.domain.commands import Dialect
from accrual.domain.facts import Identity
from accrual.domain.members import LevelBy, MemberProfile
from accrual.domain.outcomes import TierChange
from accrual.engine.views import (
    AwardView,
    BalanceView,
    BookedView,
    DeclineView,
    LevelView,
    LineView,
    MemberView,
    NextExpiryView,
    ParkedPage,
    Previewed,
    StatedLineView,
    StatementView,
    TicketView,
)


def member_json(view: MemberView) -> dict[str, Any]:
    """A member with balances and one page of history, newest first; page on with `next_before` while it is not None."""
    return {
        "member": {
            "id": view.member_id.hex(),
            "name": view.name,
            "enrolled_at": _instant(view.enrolled_at),
            "identities": [_identity(identity) for identity in view.identities],
            "referrer": None if view.referrer is None else _identity(view.referrer),
            "profile": profile_json(view.profile),
            "level": None if view.level is None else _level(view.level),
        },
        "at": _instant(view.at),
        "balances": [_balance(balance) for balance in view.balances],
        "history": [ticket_json(ticket) for ticket in view.history],
        "next_before": view.next_before,
    }


def statement_json(view: StatementView) -> dict[str, Any]:
    """One page of a statement, oldest line first; page on with `next_after` while it is not None, and the same times."""
    return {
        "member": view.member_id.hex(),
        "from": _instant(view.since),
        "until": _instant(view.until),
        "accounts": [
            {
                "code": account.code,
                "name": account.name,
                "role": account.role,
                "opening": account.opening,
                "closing": account.closing,
                "lines": account.lines,
                "totals": account.totals,
            }
            for account in view.accounts
        ],
        "lines": [_stated_line(line) for line in view.lines],
        "next_after": None if view.next_after is None else after_text(view.next_after),
    }


def _stated_line(line: StatedLineView) -> dict[str, Any]:
    return {
        "recorded_at": _instant(line.recorded_at),
        "occurred_at": _instant(line.occurred_at),
        "code": line.code,
        "role": line.role,
        "kind": line.kind,
        "amount": line.amount,
        "balance_after": line.balance_after,
        "held_after": line.held_after,
        "ticket": ticket_text(line.ticket),
        "action": line.action,
        "note": line.note,
        "reference": line.reference,
        "promo": line.promo,
        "active_at": _instant(line.active_at),
        "expires_at": _instant(line.expires_at),
    }


def after_text(after: tuple[int, int]) -> str:
    """A place in a statement as callers give it back: position and leg."""
    return f"{after[0]}-{after[1]}"


def profile_json(profile: MemberProfile) -> dict[str, Any]:
    """What is known of a member; segments, lists and attributes in the order of their names."""
    return {
        "tier": profile.tier,
        "birthday": profile.birthday,
        "segments": sorted(profile.segments),
        "lists": sorted(profile.lists),
        "attributes": dict(sorted(profile.attributes.items())),
    }


def parked_json(page: ParkedPage) -> dict[str, Any]:
    """One page of what is put aside; page on with `next_after` while it is not None."""
    return {
        "parked": [ticket_json(view) for view in page.tickets],
        "next_after": None if page.next_after is None else ticket_text(page.next_after),
    }


def ticket_json(view: TicketView) -> dict[str, Any]:
    """Everything about one command; amounts are whole units of their asset, instants are UTC."""
    return {
        "ticket": ticket_text(view.ticket),
        "dialect": Dialect(view.dialect).name.lower(),
        "action": view.action,
        "identity": _identity(view.identity),
        "occurred_at": _instant(view.occurred_at),
        "recorded_at": _instant(view.recorded_at),
        "status": view.status,
        "complete": view.complete,
        "revision": view.revision,
        "awards": [_award(award) for award in view.awards],
        "declines": [_decline(decline) for decline in view.declines],
        "booked": [_booked(booked) for booked in view.booked],
        "tier": None if view.tier is None else _tier(view.tier),
        "lines": [_line(line) for line in view.lines],
        "follow_ups": [ticket_text(ticket) for ticket in view.follow_ups],
        "parent": None if view.parent is None else ticket_text(view.parent),
        "retries": [{"ticket": ticket_text(retry.ticket), "status": retry.status} for retry in view.retries],
        "retry_of": None if view.retry_of is None else ticket_text(view.retry_of),
        "fields": view.fields,
        "error": view.error,
        "bucket": view.bucket,
        "position": view.position,
    }


def preview_json(previewed: Previewed) -> dict[str, Any]:
    """What would come of a command: its ticket as it would read, and those of its follow-ups."""
    return {
        "repeated": previewed.repeated,
        "waiting_before": previewed.waiting_before,
        "outcome": ticket_json(previewed.view),
        "followed": [ticket_json(view) for view in previewed.followed],
    }


def ticket_text(ticket: bytes) -> str:
    """A ticket as people and programs write it: the UUID with hyphens, lower case."""
    return str(uuid.UUID(bytes=ticket))


def _identity(identity: Identity) -> dict[str, str]:
    return {"kind": identity.kind, "value": identity.value}


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _balance(view: BalanceView) -> dict[str, Any]:
    return {
        "asset": view.asset,
        "code": view.code,
        "name": view.name,
        "posted": view.posted,
        "held": view.held,
        "pending": view.pending,
        "available": view.available,
        "debt": view.debt,
        "due": [{"days": due.days, "until": _instant(due.until), "amount": due.amount} for due in view.due],
        "next_expiry": None if view.next_expiry is None else _next_expiry(view.next_expiry),
    }


def _next_expiry(view: NextExpiryView) -> dict[str, Any]:
    return {"date": view.date.isoformat(), "expires_at": _instant(view.expires_at), "amount": view.amount}


def _award(view: AwardView) -> dict[str, Any]:
    return {
        "asset": view.asset,
        "code": view.code,
        "name": view.name,
        "amount": view.amount,
        "promo": view.promo,
        "promo_name": view.promo_name,
        "promo_number": view.promo_number,
        "promo_version": view.promo_version,
        "reason": view.reason,
        "recipient": _identity(view.recipient),
        "basis": view.basis,
        "active_at": _instant(view.active_at),
        "expires_at": _instant(view.expires_at),
        "details": view.details,
    }


def _decline(view: DeclineView) -> dict[str, Any]:
    return {
        "reason": view.reason,
        "text": view.text,
        "promo": view.promo,
        "promo_version": view.promo_version,
        "details": view.details,
    }


def _booked(view: BookedView) -> dict[str, Any]:
    return {
        "kind": view.kind,
        "asset": view.asset,
        "code": view.code,
        "name": view.name,
        "amount": view.amount,
        "details": view.details,
    }


def _tier(change: TierChange) -> dict[str, Any]:
    return {
        "from": change.before,
        "to": change.after,
        "by": LevelBy(change.by).name.lower(),
        "earned": change.earned,
        "threshold": change.threshold,
    }


def _level(view: LevelView) -> dict[str, Any]:
    return {
        "code": view.code,
        "name": view.name,
        "earned": view.earned,
        "by_hand": view.by_hand,
        "since": _instant(view.since),
        "safe_until": _instant(view.safe_until),
        "next": None
        if view.following is None
        else {"code": view.following, "name": view.following_name, "missing": view.missing},
    }


def _line(view: LineView) -> dict[str, Any]:
    return {
        "code": view.code,
        "role": view.role,
        "kind": view.kind,
        "amount": view.amount,
        "balance_after": view.balance_after,
        "leg": view.leg,
        "active_at": _instant(view.active_at),
        "expires_at": _instant(view.expires_at),
    }
