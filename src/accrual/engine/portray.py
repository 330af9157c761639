"""Turns a decided command and its rows into a view, with the names its catalogue revision gives. Pure; reads nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from accrual.domain.accounts import MEMBER_ROLES, Role
from accrual.domain.books import BookedBalance, BookedCommand, BookedLine
from accrual.domain.commands import Command, Dialect, LoggedCommand, Profile, Resume, Reward, decode_command
from accrual.domain.errors import Broken
from accrual.domain.facts import Identity
from accrual.domain.outcomes import Award, Booked, Declined, Outcome, Status, decode_outcome
from accrual.domain.programme import Asset, Catalogue, Language
from accrual.domain.promos import PromoVersion
from accrual.domain.referrals import Claim
from accrual.domain.transfers import Kind
from accrual.engine.due import due_within, next_expiry
from accrual.engine.lot_book import LotBook
from accrual.engine.views import AwardView, BalanceView, BookedView, DeclineView, LineView, RetryView, TicketView
from accrual.rules.compile import LANES
from accrual.rules.explain import explain_decline
from accrual.rules.explain_award import explain_award

FieldsOf = Callable[[int, bytes], dict[str, Any]]
"""(dialect, raw body) -> the client's own fields as sent. Dialects know; bootstrap hands it in."""

UNREADABLE = Identity("", "")
"""Whose command it is when the stored facts cannot be read: such a command is parked."""

NO_LOTS = LotBook(0, pending=False)

ROLE_NAMES = {Role.MEMBER: "main", Role.PENDING: "pending", Role.DEBT: "debt"}


class Decoded(NamedTuple):
    """A row of the log, read. `command` None: its facts cannot be read; `outcome` None: not decided yet."""

    row: LoggedCommand
    body: bytes | None
    command: Command | None
    outcome: Outcome | None

    @property
    def is_parked(self) -> bool:
        """Whether it was put aside because it could not be decided."""
        return self.outcome is not None and self.outcome.status is Status.PARKED


def decode(booked: BookedCommand) -> Decoded:
    """Read a row's facts and outcome. Raises Broken `outcome_damaged` when a stored outcome is none."""
    command: Command | None
    try:
        command = decode_command(booked.command.facts)
    except msgspec.DecodeError:
        command = None
    try:
        outcome = None if booked.payload is None else decode_outcome(booked.payload)
    except msgspec.DecodeError as error:
        where = {"bucket": booked.command.bucket, "position": booked.command.position}
        raise Broken(
            "A stored outcome cannot be read; run: accrual verify", code="outcome_damaged", details=where
        ) from (error)
    return Decoded(booked.command, booked.body, command, outcome)


class Names:
    """What a catalogue revision calls the assets and promo versions of an outcome; says it in this language, if given."""

    def __init__(self, catalogue: Catalogue, language: Language | None = None) -> None:
        self._settings = catalogue.settings
        self._language = language
        self._assets = {stored.asset_id: stored.asset for stored in catalogue.assets}
        self._versions = {stored.promo_version_id: stored for stored in catalogue.promos}

    def award(self, award: Award, recipient: Identity) -> AwardView:
        """An award with its names and the sentence that says how it came about."""
        asset, version = self._asset(award.asset_id), self._version(award.promo_version_id)
        return AwardView(
            asset=asset.number,
            code=asset.code,
            name=asset.name,
            amount=award.amount,
            promo=version.promo.code,
            promo_name=version.promo.name,
            promo_number=version.promo.number,
            promo_version=version.version,
            reason=award.reason,
            text=explain_award(award, asset, version, self._settings, self._language),
            recipient=recipient,
            basis=award.basis,
            active_at=award.active_at,
            expires_at=award.expires_at,
            details=award.details,
        )

    def decline(self, declined: Declined) -> DeclineView:
        """A decline with the promo's name, or none where the programme itself declined."""
        version = self._version(declined.promo_version_id) if declined.promo_version_id else None
        return DeclineView(
            reason=declined.reason,
            text=explain_decline(declined, version, self._settings, self._language),
            promo=version.promo.code if version else None,
            promo_version=version.version if version else None,
            details=declined.details,
            promo_name=version.promo.name if version else "",
        )

    def booked(self, booked: Booked) -> BookedView:
        """What was moved without a promo, with the asset's names."""
        asset = self._asset(booked.asset_id)
        return BookedView(
            kind=Kind(booked.kind).name.lower(),
            asset=asset.number,
            code=asset.code,
            name=asset.name,
            amount=booked.amount,
            details=booked.details,
        )

    def line(self, line: BookedLine) -> LineView:
        """A ledger line of a member's account."""
        return LineView(
            code=self._asset(line.asset_id).code,
            role=ROLE_NAMES[Role(line.role)],
            kind=Kind(line.kind).name.lower(),
            amount=line.amount,
            balance_after=line.balance_after,
            leg=line.leg,
            active_at=line.active_at,
            expires_at=line.expires_at,
        )

    def asset_id(self, code: str) -> int | None:
        """The number of an asset; None when the revision has none of this code."""
        return next((asset_id for asset_id, asset in self._assets.items() if asset.code == code), None)

    def promo_of(self, promo_version_id: int | None) -> str | None:
        """The code of the promo that a line was written for, if one was."""
        return None if promo_version_id is None else self._version(promo_version_id).promo.code

    def asset(self, asset_id: int) -> Asset:
        """An asset by its number. Raises Broken `catalogue_damaged`."""
        return self._asset(asset_id)

    def place(self, award: Award) -> tuple[int, int, str, int]:
        """Where an award's promo stands in the total order (SEMANTICS row 7)."""
        version = self._version(award.promo_version_id)
        stacking = version.promo.stacking
        return LANES.index(stacking.lane), -stacking.priority, version.promo.code, version.version

    def _asset(self, asset_id: int) -> Asset:
        try:
            return self._assets[asset_id]
        except KeyError:
            raise Broken(
                "An outcome names an asset that its catalogue revision does not have.",
                code="catalogue_damaged",
                details={"asset_id": asset_id},
            ) from None

    def _version(self, promo_version_id: int) -> PromoVersion:
        try:
            return self._versions[promo_version_id]
        except KeyError:
            raise Broken(
                "An outcome names a promo version that its catalogue revision does not have.",
                code="catalogue_damaged",
                details={"promo_version_id": promo_version_id},
            ) from None


NamesOf = Callable[[int, int], Names]
"""(programme_id, revision) -> the names of that revision."""


def portray(
    decoded: Decoded,
    lines: Sequence[BookedLine],
    follow_ups: Mapping[bytes, Decoded],
    names_of: NamesOf,
    fields_of: FieldsOf,
    retries: Sequence[Decoded] = (),
) -> TicketView:
    """The view of one command. `follow_ups` holds every command that came of it, as far as they are in the log."""
    row, command, outcome = decoded.row, decoded.command, decoded.outcome
    names = None if outcome is None else names_of(row.programme_id, outcome.revision)
    dialect = Dialect.INTERNAL if command is None else command.dialect
    return TicketView(
        ticket=row.ticket,
        programme_id=row.programme_id,
        client_id=row.client_id,
        bucket=row.bucket,
        position=row.position,
        dialect=int(dialect),
        action="unreadable" if command is None else command.action,
        identity=identity_of(decoded),
        occurred_at=_first_moment(decoded),
        recorded_at=row.recorded_at,
        status=_status(outcome),
        complete=all(part is not None and part.outcome is not None for part in _family(decoded, follow_ups)),
        revision=None if outcome is None else outcome.revision or None,
        awards=tuple(_awards(decoded, follow_ups, names_of)),
        declines=tuple(_declines(decoded, follow_ups, names_of)),
        lines=() if names is None else tuple(names.line(line) for line in lines if line.role in MEMBER_ROLES),
        follow_ups=() if outcome is None else outcome.follow_ups,
        parent=getattr(command, "parent", None),
        fields=fields_of(int(dialect), decoded.body) if decoded.body else {},
        error=None if outcome is None else outcome.error,
        retries=tuple(RetryView(ticket=retry.row.ticket, status=_status(retry.outcome)) for retry in retries),
        retry_of=command.ticket if isinstance(command, Resume) else None,
        is_profile=isinstance(command, Profile),
        booked=() if outcome is None or names is None else tuple(names.booked(each) for each in outcome.booked),
        tier=None if outcome is None else outcome.tier,
    )


def identity_of(decoded: Decoded) -> Identity:
    """Whom a command is about, as its client named them."""
    return UNREADABLE if decoded.command is None else decoded.command.identity


def portray_balances(
    catalogue: Catalogue, booked: Sequence[BookedBalance], lots: Mapping[int, LotBook], now: datetime
) -> tuple[BalanceView, ...]:
    """Every asset of the programme in the catalogue's order, those a member never had with zeros.

    `lots` are the open lots of main accounts by asset_id; what is due is counted from `now`.
    """
    by_account = {(balance.asset_id, balance.role): balance for balance in booked}

    def balance_of(asset_id: int, role: Role) -> int:
        balance = by_account.get((asset_id, role))
        return balance.balance_after if balance else 0

    views = []
    for stored in catalogue.assets:
        main = by_account.get((stored.asset_id, Role.MEMBER))
        posted = main.balance_after if main else 0
        held = (main.held_after or 0) if main else 0
        views.append(
            BalanceView(
                asset=stored.asset.number,
                code=stored.asset.code,
                name=stored.asset.name,
                posted=posted,
                held=held,
                pending=balance_of(stored.asset_id, Role.PENDING),
                available=posted - held,
                # What a member owes stands below zero in an account of its own and is shown as a plain amount.
                debt=abs(balance_of(stored.asset_id, Role.DEBT)),
                due=due_within(lots.get(stored.asset_id, NO_LOTS), now),
                next_expiry=next_expiry(lots.get(stored.asset_id, NO_LOTS), catalogue.settings.time_zone),
            )
        )
    return tuple(views)


def _first_moment(decoded: Decoded) -> Any:
    command = decoded.command
    if isinstance(command, Reward | Claim):
        return (command.facts[0].occurred_at if command.facts else None) or decoded.row.recorded_at
    return getattr(command, "occurred_at", None) or decoded.row.recorded_at


def _status(outcome: Outcome | None) -> str:
    if outcome is None:
        return "waiting"
    return "parked" if outcome.status is Status.PARKED else "decided"


def _family(decoded: Decoded, follow_ups: Mapping[bytes, Decoded]) -> Iterator[Decoded | None]:
    """The command and everything that came of it, in order; None for a follow-up that is not in the log."""
    waiting: list[Decoded | None] = [decoded]
    seen: set[bytes] = set()
    while waiting:
        part = waiting.pop(0)
        yield part
        if part is None or part.outcome is None or part.row.ticket in seen:
            continue
        seen.add(part.row.ticket)
        waiting.extend(follow_ups.get(ticket) for ticket in part.outcome.follow_ups if ticket not in seen)


def _declines(decoded: Decoded, follow_ups: Mapping[bytes, Decoded], names_of: NamesOf) -> Iterator[DeclineView]:
    """Why the member got nothing, or less: also by what the links decided, and once they had."""
    for part in _family(decoded, follow_ups):
        if part is None or part.outcome is None:
            continue
        of_claim = isinstance(part.command, Reward) and part.command.identity == identity_of(decoded)
        if part is decoded or isinstance(part.command, Claim) or of_claim:
            names = names_of(part.row.programme_id, part.outcome.revision)
            for decline in part.outcome.declines:
                yield names.decline(decline)


def _awards(decoded: Decoded, follow_ups: Mapping[bytes, Decoded], names_of: NamesOf) -> Iterator[AwardView]:
    """The member's own first, also those that came once their referral was accepted, in one total order; then the others'."""
    mine: list[tuple[tuple[int, int, str, int], AwardView]] = []
    others: list[AwardView] = []
    parts_of_mine = 0
    for part in _family(decoded, follow_ups):
        if part is None or part.outcome is None or not part.outcome.awards:
            continue
        names, whose = names_of(part.row.programme_id, part.outcome.revision), identity_of(part)
        if part is decoded or whose == identity_of(decoded):
            parts_of_mine += 1
            mine += [(names.place(award), names.award(award, whose)) for award in part.outcome.awards]
        else:
            others += [names.award(award, whose) for award in part.outcome.awards]
    if parts_of_mine > 1:
        mine.sort(key=_place)
    yield from (view for _, view in mine)
    yield from others


_place = itemgetter(0)
