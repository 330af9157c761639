"""The catalogue of rewards as a programme file writes it: what points can be spent on. Who may have one is judged in rules."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from accrual.domain.amounts import INT64_MAX
from accrual.domain.ids import digest16
from accrual.domain.promos import Code, Period, Points, _Document


class VoucherKind(StrEnum):
    """Where a voucher's code comes from: drawn for each redemption, or handed out of a pool that was loaded."""

    GENERATED = "generated"
    POOL = "pool"


class RewardVoucher(_Document, frozen=True):
    """The voucher that a redemption comes with. With `pool`, the codes are loaded apart and are all the stock there is."""

    kind: Annotated[
        VoucherKind, msgspec.Meta(description="`generated`: a code of its own; `pool`: the next of those loaded.")
    ] = VoucherKind.GENERATED
    prefix: Annotated[
        Annotated[str, msgspec.Meta(pattern="^[A-Z0-9-]{0,16}$(?!\\n)")],
        msgspec.Meta(description="What each generated code begins with."),
    ] = ""
    length: Annotated[
        Annotated[int, msgspec.Meta(ge=12, le=24)],
        msgspec.Meta(description="Characters of a generated code after the prefix."),
    ] = 12


class RewardWindow(_Document, frozen=True):
    """When a reward can be had: `from` inclusive, `until` exclusive; times without offset are read in `zone`."""

    from_: Annotated[
        str | None, msgspec.Meta(description="Its first moment, such as `2026-11-25T00:00`; absent: since ever.")
    ] = msgspec.field(default=None, name="from")
    until: Annotated[str | None, msgspec.Meta(description="The first moment after it; absent: for ever.")] = None
    zone: Annotated[
        str | None,
        msgspec.Meta(description="An IANA zone, for times and periods of the limit; absent: the programme's."),
    ] = None


class RewardLimit(_Document, frozen=True):
    """How often one member may have a reward in each calendar period, in its zone."""

    count: Annotated[Points, msgspec.Meta(description="The most redemptions of one member.")]
    every: Annotated[
        Period, msgspec.Meta(description="In each calendar `day`, ISO `week`, `month`, `year`, or for `ever`.")
    ] = Period.EVER


class RewardItem(_Document, frozen=True):
    """One reward: what it costs, how many there are, who may have how many of it, when, where, and what comes with it."""

    code: Annotated[Code, msgspec.Meta(description="Its identity in the programme.")]
    asset: Annotated[Code, msgspec.Meta(description="Code of the asset it is paid with.")]
    price: Annotated[Points, msgspec.Meta(description="Units that one costs.")]
    name: Annotated[Annotated[str, msgspec.Meta(max_length=200)], msgspec.Meta(description="For people.")] = ""
    stock: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)] | None,
        msgspec.Meta(description="How many there are in all, those redeemed included; absent: without end."),
    ] = None
    window: Annotated[RewardWindow, msgspec.Meta(description="When it can be had.")] = RewardWindow()
    limit: Annotated[RewardLimit | None, msgspec.Meta(description="How many one member may have.")] = None
    outlets: Annotated[
        tuple[str, ...], msgspec.Meta(description="Only redemptions at these outlets; empty: everywhere.")
    ] = ()
    voucher: Annotated[RewardVoucher | None, msgspec.Meta(description="The voucher it comes with; absent: none.")] = (
        None
    )
    send_validation_code: Annotated[
        bool, msgspec.Meta(description="Whether a code is sent to the member, who completes the redemption with it.")
    ] = False
    code_valid_for: Annotated[
        str, msgspec.Meta(description="How long that code is good, and the points are set aside, such as `PT15M`.")
    ] = "PT15M"
    active: Annotated[bool, msgspec.Meta(description="Whether it can be had at all.")] = True

    @property
    def has_pool(self) -> bool:
        """Whether its vouchers are handed out of a pool."""
        return self.voucher is not None and self.voucher.kind is VoucherKind.POOL


class StoredReward(msgspec.Struct, frozen=True, kw_only=True):
    """A reward with the number by which limits count it."""

    reward_id: int
    item: RewardItem


class RewardCode(msgspec.Struct, frozen=True, gc=False):
    """A code of a pool and its place in it, from 1; they are given in order."""

    number: int
    code: str


class PoolLeft(msgspec.Struct, frozen=True, kw_only=True):
    """How many codes a pool was loaded with, and how many of them were given."""

    loaded: int
    given: int


def subject_of(programme_id: int, code: str) -> bytes:
    """What the stock and the pool of a reward are kept by: a 16-byte digest, in whose bucket they live."""
    return digest16(b"reward", b"%d" % programme_id, code.encode())


def proof_of(ticket: bytes, code: str) -> bytes:
    """What is kept of a validation code that a member presented for a redemption, in place of the code."""
    return digest16(b"validation", ticket, code.encode())
