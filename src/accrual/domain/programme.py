"""The programme document: settings, assets, outlets, clients, promos and rewards as written in a file or stored at a revision."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from accrual.domain.amounts import Rounding
from accrual.domain.draws import DrawSecret
from accrual.domain.facts import Scalar
from accrual.domain.promos import Code, Promo, PromoVersion, _Document
from accrual.domain.rewards import RewardItem, StoredReward
from accrual.domain.tiers import Tiers
from accrual.domain.velocity import VelocityRule


class Enrol(StrEnum):
    """When an unknown identity becomes a member."""

    ALWAYS = "always"
    REGISTER_ONLY = "register_only"
    NEVER = "never"


class Language(StrEnum):
    """In which language awards and declines are explained."""

    EN = "en"
    ID = "id"


class SignaturePolicy(StrEnum):
    """What a wrong or absent signature does: nothing, a warning in log and metrics, or a refusal."""

    OFF = "off"
    WARN = "warn"
    ENFORCE = "enforce"


class IdempotencyPolicy(StrEnum):
    """What a call without an idempotency key does: nothing, a warning, or a refusal."""

    OPTIONAL = "optional"
    WARN = "warn"
    REQUIRE = "require"


class KeyScope(StrEnum):
    """Whether a client's idempotency keys are unique per member or over the whole client."""

    MEMBER = "member"
    CLIENT = "client"


class PointsValue(StrEnum):
    """What a dsquares client means by PointsValue: money, or points."""

    MONEY = "money"
    POINTS = "points"


class AfterSpent(StrEnum):
    """What becomes of points that a return takes back when they are spent: debt, as far as the balance goes, nothing."""

    DEBT = "debt"
    WITHIN_BALANCE = "within_balance"
    NONE = "none"


class InstallId(StrEnum):
    """What a client's install ids are: `any` text, such as a phone's model, or `unique` to one device."""

    ANY = "any"
    UNIQUE = "unique"


class IdentityForm(StrEnum):
    """What the values of an identity kind are: any text, phone numbers, or e-mail addresses."""

    TEXT = "text"
    PHONE = "phone"
    EMAIL = "email"


class Case(StrEnum):
    """Whether capital and small letters are different."""

    KEEP = "keep"
    IGNORE = "ignore"


class PlusTags(StrEnum):
    """Whether `ana+shop@example.com` is another member than `ana@example.com`."""

    KEEP = "keep"
    DROP = "drop"


class IdentityRule(_Document, frozen=True):
    """Which spellings of an identity kind are one member.

    `region` is where phone numbers without country code belong; without it the programme's. `case` concerns text, and the
    part of an e-mail address before the @; without it text keeps its letters and e-mail ignores them.
    """

    as_: IdentityForm = msgspec.field(default=IdentityForm.TEXT, name="as")
    region: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$(?!\n)")] | None = None
    case: Case | None = None
    plus_tags: PlusTags = PlusTags.KEEP


class UnknownDevice(StrEnum):
    """What a referral without a device that its client vouches for comes to: judged like any other, or held for review."""

    ALLOW = "allow"
    REVIEW = "review"


class ReferralRules(_Document, frozen=True):
    """Who can still be referred: members whose first fact is not older than `grace` (ISO 8601; None: any member).

    `unknown_device` concerns referrals that come without an install id, or from a client whose install ids are no device's.
    """

    grace: str | None = "P30D"
    unknown_device: UnknownDevice = UnknownDevice.ALLOW


class Bounds(_Document, frozen=True):
    """The most that anything in a programme may come to, so that a typing error or a stolen key stays small.

    `units_per_command`: units that one command may award or move. `units_per_day`: units that one promo may award in a
    day of the programme's zone. `client_units_per_day`: units that one client may grant, and add by adjustments, in a day.
    `amount_minor_per_command`: minor units of money that the facts of one command may sum to, and its lines likewise.
    `condition_steps_per_command`: what judging the conditions of one command may cost; ten steps are about a microsecond.
    """

    units_per_command: Annotated[int, msgspec.Meta(ge=1, le=10**15)] = 10**12
    units_per_day: Annotated[int, msgspec.Meta(ge=1, le=10**18)] = 10**15
    client_units_per_day: Annotated[int, msgspec.Meta(ge=1, le=10**18)] = 10**15
    amount_minor_per_command: Annotated[int, msgspec.Meta(ge=1, le=10**18)] = 10**15
    condition_steps_per_command: Annotated[int, msgspec.Meta(ge=1_000, le=10**8)] = 1_000_000


class Asset(_Document, frozen=True):
    """What is counted. The code is the identity; `number` is a label shown to clients and may repeat."""

    code: Code
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    number: int = 0


class Outlet(_Document, frozen=True):
    """Where things happen. `aliases` are a client's own names for it, by client code.

    `clients` are those that may make rules for it through a dialect, such as Profitflow's point rewards; empty: any client.
    """

    code: Code
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    aliases: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    clients: Annotated[tuple[str, ...], msgspec.Meta(max_length=1000)] = ()


class Signature(_Document, frozen=True):
    """How a client's signatures are checked: PEM public keys (several during rotation)."""

    policy: SignaturePolicy = SignaturePolicy.OFF
    public_keys: Annotated[tuple[str, ...], msgspec.Meta(max_length=8)] = ()
    allow_1024: bool = False


class Client(_Document, frozen=True):
    """A partner system. Its key comes as `key_sha256` (hex), from the environment (`key_env`), or, in a demo, plain.

    `rights` are the dialects it may speak (`qoin_task`, `qoin_processor`, `dsquares`, `goodie`, `profitflow`) and its duties in
    the native API: `submit` (report facts), `read` (members, statements, all tickets), `codes` (voucher codes in tickets of
    other clients), `profile`, `tiers`, `points` (spend, refund, return, hold, transfer), `grant`, `adjust`,
    `adjust_below_zero`, `merge`, `operate` (failed commands, referrals under review) and `promos`. `native` is an older
    shorthand for `submit` and `read`. `number` is the client number that Qoin tickets carry.

    `install_id: unique` means that its install ids are one device's each: a referral from a device on which another member
    was seen is held for review.

    For dsquares: `client_id_is_secret` makes the header ClientId the key, `points_value` says what PointsValue means,
    `enrol_on_reward` makes unknown wallets members. For Goodie: `devices`, if any, are the only ones it may call from. For
    Profitflow: `open` needs no key (on loopback only), `documented_statuses_only` answers 500 where the vendor does, and
    `asset` is what its point rewards give, without it the programme's first.
    """

    code: Code
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    number: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 0
    rights: tuple[str, ...] = ()
    key: str | None = None
    key_sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")] | None = None
    key_env: str | None = None
    signature: Signature = Signature()
    idempotency: IdempotencyPolicy = IdempotencyPolicy.OPTIONAL
    key_scope: KeyScope = KeyScope.MEMBER
    install_id: InstallId = InstallId.ANY
    default_outlet: str | None = None
    client_id_is_secret: bool = False
    points_value: PointsValue = PointsValue.MONEY
    enrol_on_reward: bool = False
    devices: Annotated[tuple[str, ...], msgspec.Meta(max_length=1000)] = ()
    open: bool = False
    documented_statuses_only: bool = False
    asset: Code | None = None


class Settings(_Document, frozen=True):
    """What holds for the whole programme. Durations are ISO 8601 such as `P90D`; `late_limit` None sets no limit.

    `after_spent` is what becomes of points that a return takes back when they are spent already, `refund_grace` how long
    points live that a refund gives back after their lot has expired, `return_wait` how long a return waits for its
    purchase. With `four_eyes` a promo, or a change to one, gives nothing until somebody else than its author has
    approved it. `region` (ISO 3166-1) is where phone numbers without country code belong, `identities` says by kind which
    spellings are one member. `referral` says who can still be referred, `velocity` what is too much too fast. `bounds` are
    the most that a command, and a day, may come to.
    """

    code: Code
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    time_zone: str = "UTC"
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)")] = "USD"
    minor_units: Annotated[int, msgspec.Meta(ge=0, le=8)] = 2
    rounding: Rounding = Rounding.FLOOR
    enrol: Enrol = Enrol.ALWAYS
    late_limit: str | None = "P90D"
    language: Language = Language.EN
    four_eyes: bool = False
    demo: bool = False
    after_spent: AfterSpent = AfterSpent.DEBT
    refund_grace: str = "P30D"
    return_wait: str = "P7D"
    tiers: Tiers | None = None
    region: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$(?!\n)")] | None = None
    identities: Annotated[dict[str, IdentityRule], msgspec.Meta(max_length=100)] = msgspec.field(default_factory=dict)
    referral: ReferralRules = ReferralRules()
    velocity: tuple[VelocityRule, ...] = ()
    bounds: Bounds = Bounds()


class KnownMember(_Document, frozen=True):
    """A member that a demo programme has from the start, so that partners' examples, which name one, find them."""

    kind: str
    value: str
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    attributes: dict[str, Scalar] = msgspec.field(default_factory=dict)


class Programme(_Document, frozen=True):
    """A whole programme as written in a file."""

    programme: Settings
    assets: tuple[Asset, ...] = ()
    outlets: tuple[Outlet, ...] = ()
    clients: tuple[Client, ...] = ()
    promos: tuple[Promo, ...] = ()
    members: Annotated[tuple[KnownMember, ...], msgspec.Meta(max_length=100)] = ()
    rewards: tuple[RewardItem, ...] = ()


class StoredAsset(msgspec.Struct, frozen=True, kw_only=True):
    """An asset with the number the ledger knows it by."""

    asset_id: int
    asset: Asset


class StoredClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client with the number the log knows it by; `key_digest` is SHA-256 of its key, None while it has none."""

    client_id: int
    programme_id: int
    client: Client
    key_digest: bytes | None


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that judges a programme's commands at one revision; immutable. `secrets` are those of its draws."""

    programme_id: int
    revision: int
    settings: Settings
    assets: tuple[StoredAsset, ...]
    outlets: tuple[Outlet, ...]
    promos: tuple[PromoVersion, ...]
    rewards: tuple[StoredReward, ...] = ()
    secrets: tuple[DrawSecret, ...] = ()
