"""A wallet and a log entry as replies show them, field by field in the order of the wire. Pure; nothing is looked up."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from accrual.api.dialects.dsquares import decimals
from accrual.api.dialects.dsquares.decimals import Decimal
from accrual.api.dialects.dsquares.moments import with_offset, without_offset
from accrual.api.dialects.dsquares.terms import NO_LEVEL, Terms
from accrual.domain.facts import Scalar
from accrual.domain.tiers import Level
from accrual.engine.views import TicketView
from accrual.engine.wallets import Standing, log_id_of

LOG_REDEEMED = 1
LOG_REWARDED = 2
LOG_REFUNDED = 3
ACTIVE = 1
"""walletStatusId: no wallet is ever inactive here."""


class Segment(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A level of the programme; all but the factors come from its labels."""

    id: Scalar | None
    name: str
    rew_value_factor: Decimal
    red_value_factor: Decimal
    red_threshold: int
    value: Scalar | None
    bonus_points: Scalar | None
    offer_number: Scalar | None
    rate_plan: Scalar | None
    color: Scalar | None
    segment_color_id: Scalar | None


class ShownWallet(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A wallet as a command left it."""

    id: int
    name: Scalar | None
    wallet_code: str
    email: Scalar | None
    address: Scalar | None
    gender: Scalar | None
    total_points: int
    accumulated_points: int
    red_points: int
    is_opted_in: bool
    opted_in_date: str
    parent_wallet_id: int | None
    add_on_wallet_id: None = None
    bill_reward_points: int
    bill_reward_value: Decimal
    referral_master: None = msgspec.field(default=None, name="referralMasterMSISDN")
    birth_date: str | None
    nid: Scalar | None
    contact_msisdn: str
    wallet_status_id: int = ACTIVE
    segment: Segment | None
    children_wallets: None = None
    parent_wallet: None = None
    is_parent: bool
    parent_wallet_code: str | None
    wallet_type: None = None
    is_added: bool = False
    is_deleted: bool = False
    redemption_activation_flag: bool = True
    suspended_points: int


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was done, as an entry of the points log."""

    id: int
    wallet_id: int
    actor_wallet_id: int
    channel_id: None = None
    log_type_id: int
    comments: str
    merchant: str = msgspec.field(name="merchantMSISDN")
    amount: Decimal
    amount_value: int
    balance_after: int
    is_expired: bool = False
    created_date: str
    invoice_date: str
    invoice_number: str | None
    sku_points_id: None = None
    refunded_log_id: int | None = None
    user_id: int
    external_log_id: str | None


class Acted(msgspec.Struct, frozen=True, kw_only=True):
    """A decided call. `view` is the command itself, `done` what it came to: another one where the wallet was merged.

    `own` is the wallet that acted, `shared` the one whose points these are; `parent_code` that one's code where they differ.
    """

    terms: Terms
    view: TicketView
    done: TicketView
    own: Standing
    shared: Standing
    parent_code: str | None
    is_child: bool

    @property
    def level(self) -> Level:
        """The level at which it was decided."""
        return self.terms.level(self.shared.profile)

    @property
    def zone(self) -> ZoneInfo:
        """The programme's zone."""
        return ZoneInfo(self.terms.catalogue.settings.time_zone)


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What a call did: of which kind, in which words, with how much money and how many points."""

    log_type: int
    comments: str
    branch: str
    amount_minor: int
    units: int
    invoice: str | None = None
    external_log_id: str | None = None
    refunded_log_id: int | None = None
    date_sent: str | None = None
    is_expired: bool = False


def wallet_shown(acted: Acted, *, wallet: str, contact: str, with_colors: bool = True) -> ShownWallet:
    """The wallet as the call left it: the same for ever."""
    shared, profile = acted.shared, acted.own.profile
    told = profile.attributes
    minor_units = acted.terms.minor_units
    return ShownWallet(
        id=acted.own.number,
        name=told.get("name"),
        wallet_code=wallet,
        email=told.get("email"),
        address=told.get("address"),
        gender=told.get("gender"),
        total_points=shared.total,
        accumulated_points=shared.total + shared.spent,
        red_points=shared.spent,
        is_opted_in=told.get("opted_in") is True,
        opted_in_date=without_offset(acted.own.enrolled_at, acted.zone),
        parent_wallet_id=shared.number if acted.is_child else None,
        bill_reward_points=shared.counted_units,
        bill_reward_value=decimals.of_minor(shared.counted_basis, minor_units),
        birth_date=profile.birthday,
        nid=told.get("nid"),
        contact_msisdn=contact,
        segment=segment_shown(acted.terms, acted.level, with_colors=with_colors),
        is_parent=acted.own.joined,
        parent_wallet_code=acted.parent_code,
        suspended_points=shared.pending,
    )


def log_entry(acted: Acted, deed: Deed) -> LogEntry:
    """The entry of the points log that a call became."""
    view = acted.view
    return LogEntry(
        id=log_id_of(view.position, view.bucket),
        wallet_id=acted.shared.number,
        actor_wallet_id=acted.own.number,
        log_type_id=deed.log_type,
        comments=deed.comments,
        merchant=deed.branch,
        amount=decimals.of_minor(deed.amount_minor, acted.terms.minor_units),
        amount_value=deed.units,
        balance_after=acted.shared.total,
        is_expired=deed.is_expired,
        created_date=with_offset(view.recorded_at, acted.zone),
        invoice_date=with_offset(view.occurred_at, acted.zone, sent=deed.date_sent),
        invoice_number=deed.invoice,
        refunded_log_id=deed.refunded_log_id,
        user_id=view.client_id,
        external_log_id=deed.external_log_id,
    )


def segment_shown(terms: Terms, level: Level, *, with_colors: bool = True) -> Segment | None:
    """A level as a segment; None where the programme has no levels."""
    if level is NO_LEVEL:
        return None
    place = next((number for number, each in enumerate(terms.levels, 1) if each.code == level.code), 0)
    labels = level.labels
    return Segment(
        id=_number(labels.get("id", place)),
        name=level.name or level.code,
        rew_value_factor=decimals.of_text(level.earn),
        red_value_factor=decimals.of_text(level.redeem),
        red_threshold=level.redeem_from,
        value=_number(labels.get("value", place)),
        bonus_points=_number(labels.get("bonusPoints")),
        offer_number=labels.get("offerNumber"),
        rate_plan=labels.get("ratePlan"),
        color=labels.get("color") if with_colors else None,
        segment_color_id=_number(labels.get("segmentColorId")) if with_colors else None,
    )


def _number(label: Scalar | None) -> Scalar | None:
    """A label that is a number as a number: files have numbers as text where text may stand."""
    return int(label) if isinstance(label, str) and label.isascii() and label.isdigit() else label
