"""Native movements into commands, checked before they are accepted; whether they can be carried out the lane decides."""

from __future__ import annotations

import uuid
from typing import Any, assert_never

import msgspec

from accrual.domain.amounts import to_minor
from accrual.domain.bounds import YEARS_AHEAD_MAX
from accrual.domain.commands import Dialect
from accrual.domain.errors import Forbidden, Invalid
from accrual.domain.facts import Identity
from accrual.domain.ids import bucket_of, is_ticket, member_id_of, ticket_of
from accrual.domain.movements import (
    Adjust,
    Capture,
    Confirm,
    Grant,
    Hold,
    Merge,
    Movement,
    Redeem,
    Refund,
    Release,
    ReturnedPart,
    Reverse,
    Transfer,
)
from accrual.domain.native import NativeCommand
from accrual.domain.native_moves import (
    MoveAdjust,
    MoveCapture,
    MoveConfirm,
    MoveGrant,
    MoveHold,
    MoveMerge,
    MoveRedeem,
    MoveRefund,
    MoveRelease,
    MoveReverse,
    MoveTransfer,
    WrittenMove,
)
from accrual.domain.programme import Catalogue, StoredClient
from accrual.domain.rewards import proof_of
from accrual.domain.rights import has_right
from accrual.engine.native_fields import (
    read_identifier,
    read_identity,
    read_optional,
    read_rfc_3339,
    read_written_identity,
)
from accrual.rules.calendar import ENDS, is_too_long

_FOR_FACTS = ("facts", "profile", "install_id", "device_type", "promo_codes", "payment")
_RIGHTS = {MoveGrant: "grant", MoveAdjust: "adjust", MoveMerge: "merge"}
RIGHT = "points"
"""What a client needs for the movements that have no right of their own."""


def require_move_right(client: StoredClient, written: WrittenMove) -> None:
    """Raises Forbidden unless the client may move points in this way."""
    needed = [_RIGHTS.get(type(written), RIGHT)]
    if isinstance(written, MoveAdjust) and written.below_zero:
        needed.append("adjust_below_zero")
    for right in needed:
        if not has_right(client.client.rights, right):
            raise Forbidden(f"This client has no right to {right}.", details={"right": right})


def to_move(
    native: NativeCommand, written: WrittenMove, *, client: StoredClient, catalogue: Catalogue, buckets: int
) -> Movement:
    """The command of a movement. Raises Forbidden, Invalid: `invalid_field` with its path, `invalid_amount`, `invalid_date`."""
    for name in _FOR_FACTS:
        if getattr(native, name):
            raise _invalid(f"A command has facts, a profile or a move, one of them; `{name}` goes with others.", name)
    require_move_right(client, written)
    return _Translation(native, written, client, catalogue, buckets).command()


def canonical_move(native: NativeCommand, identity: Identity, name: str | None) -> bytes:
    """What a retry must repeat: what was asked for, as it was written."""
    return msgspec.msgpack.encode(("move", identity, read_optional(native.action, "action"), name, native.move))


class _Translation:
    """One movement under one client's and programme's settings."""

    def __init__(
        self, native: NativeCommand, written: WrittenMove, client: StoredClient, catalogue: Catalogue, buckets: int
    ) -> None:
        self._written = written
        self._client = client
        self._catalogue = catalogue
        self._buckets = buckets
        self._identity = read_written_identity(native.member, "member", catalogue.settings)
        tag = str(written.__struct_config__.tag)
        self._said: dict[str, Any] = {
            "dialect": Dialect.NATIVE,
            "action": read_optional(native.action, "action") or tag,
            "identity": self._identity,
            "note": written.note,
            "reference": read_optional(written.reference, "move.reference"),
            "outlet": self._outlet(read_optional(written.outlet, "move.outlet")),
            "occurred_at": self._moment(written.occurred_at, "occurred_at"),
        }

    def command(self) -> Movement:
        """The command."""
        written, said = self._written, self._said
        match written:
            case MoveGrant():
                return Grant(
                    **said,
                    asset=self._asset(written.asset),
                    amount=written.amount,
                    expires=_policy(written.expires, "expires"),
                    active_after=_duration(written.active_after, "active_after"),
                )
            case MoveRedeem():
                return self._redeem(written)
            case MoveRefund():
                if written.amount is not None and written.value is not None:
                    raise _invalid("A refund is of an amount or of a value, not of both.", "move.value")
                value_minor = self._money(written.value)
                return Refund(**said, target=self._target(written), amount=written.amount, value_minor=value_minor)
            case MoveReverse():
                parts = tuple(ReturnedPart(part.fact, part.line, part.quantity) for part in written.parts)
                return Reverse(**said, target=self._target(written), parts=parts)
            case MoveHold():
                expires_at = self._moment(written.expires_at, "expires_at")
                return Hold(**said, asset=self._asset(written.asset), amount=written.amount, expires_at=expires_at)
            case MoveCapture():
                return Capture(**said, target=self._target(written), amount=written.amount)
            case MoveConfirm():
                target = self._target(written)
                return Confirm(**said, target=target, proof=proof_of(target, written.code))
            case MoveRelease():
                return Release(**said, target=self._target(written))
            case MoveTransfer():
                to = self._other(written.to.kind, written.to.value, "to")
                return Transfer(**said, asset=self._asset(written.asset), amount=written.amount, to=to)
            case MoveAdjust():
                return self._adjust(written)
            case MoveMerge():
                return Merge(**said, into=self._other(written.into.kind, written.into.value, "into"))
            case _:
                assert_never(written)

    def _redeem(self, written: MoveRedeem) -> Redeem:
        ways = [written.amount, written.value, written.reward]
        if sum(way is not None for way in ways) != 1:
            raise _invalid("A redemption has one of `amount`, `value` and `reward`.", "move.amount")
        if written.reward is not None and written.asset is not None:
            raise _invalid("A reward says itself which asset it is paid with.", "move.asset")
        if written.reward is None and written.asset is None:
            raise _invalid("A redemption of points needs their `asset`.", "move.asset")
        return Redeem(
            **self._said,
            asset="" if written.asset is None else self._asset(written.asset),
            amount=written.amount,
            value_minor=self._money(written.value),
            reward=read_optional(written.reward, "move.reward"),
        )

    def _adjust(self, written: MoveAdjust) -> Adjust:
        if written.amount == 0:
            raise _invalid("An adjustment of nothing changes nothing.", "move.amount")
        if not (written.note or "").strip():
            raise _invalid("An adjustment needs a `note` that says why.", "move.note")
        return Adjust(
            **self._said,
            asset=self._asset(written.asset),
            amount=written.amount,
            below_zero=written.below_zero,
            expires=_policy(written.expires, "expires"),
        )

    def _outlet(self, written: str | None) -> str | None:
        """The outlet's code, as facts have it: a client's alias is looked up, an unknown name stays as it is."""
        if written is None:
            return self._client.client.default_outlet
        own = self._client.client.code
        known = (outlet.code for outlet in self._catalogue.outlets if written in outlet.aliases.get(own, ()))
        return next(known, written)

    def _asset(self, code: str) -> str:
        code = read_identifier(code, "move.asset")
        if all(stored.asset.code != code for stored in self._catalogue.assets):
            raise _invalid(f"The programme has no asset {code!r}.", "move.asset")
        return code

    def _other(self, kind: str, value: str, path: str) -> Identity:
        return read_identity(kind, value, f"move.{path}", self._catalogue.settings)

    def _money(self, written: str | int | None) -> int | None:
        if written is None:
            return None
        try:
            minor = to_minor(str(written), self._catalogue.settings.minor_units)
        except Invalid as error:
            raise Invalid(error.message, code=error.code, details={"path": "move.value"}) from error
        if minor <= 0:
            raise Invalid("The value must be above 0.", code="invalid_amount", details={"path": "move.value"})
        return minor

    def _moment(self, text: str | None, name: str) -> Any:
        if text is None:
            return None
        try:
            return read_rfc_3339(text, self._catalogue.settings.time_zone)
        except Invalid as error:
            raise Invalid(error.message, code=error.code, details={"path": f"move.{name}"}) from error

    def _target(self, written: MoveRefund | MoveReverse | MoveCapture | MoveConfirm | MoveRelease) -> bytes:
        """The ticket of the command that this one is about; a key gives the ticket that its command has, or will have."""
        if (written.ticket is None) == (written.key is None):
            raise _invalid("Say which command is meant, by its `ticket` or by its `key`.", "move.ticket")
        if written.ticket is not None:
            try:
                raw = uuid.UUID(written.ticket).bytes
            except ValueError:
                raw = b""
            if not is_ticket(raw):
                raise _invalid("This is no ticket.", "move.ticket")
            return raw
        key = b"k" + read_identifier(written.key or "", "move.key").encode()
        programme_id = self._client.programme_id
        member_id = member_id_of(programme_id, self._identity.kind, self._identity.value)
        return ticket_of(programme_id, self._client.client_id, member_id, key, bucket_of(member_id, self._buckets))


def _policy(text: str | None, name: str) -> str | None:
    return text if text in ENDS else _duration(text, name)


def _duration(text: str | None, name: str) -> str | None:
    if text is None:
        return None
    try:
        too_long = is_too_long(text)
    except Invalid as error:
        raise Invalid(error.message, code=error.code, details={"path": f"move.{name}"}) from error
    if too_long:
        message = f"{text!r} is longer than {YEARS_AHEAD_MAX} years; send a shorter duration."
        raise Invalid(message, code="invalid_date", details={"path": f"move.{name}"})
    return text


def _invalid(message: str, path: str) -> Invalid:
    return Invalid(message, code="invalid_field", details={"path": path})
