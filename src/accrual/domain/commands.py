"""Requests to change something, as they stand in the log, and how their bytes and digests are made."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from accrual.domain.dialects import Dialect as Dialect
from accrual.domain.errors import AccrualError
from accrual.domain.facts import Fact, Identity, Scalar
from accrual.domain.held import Clearance
from accrual.domain.movements import Movement
from accrual.domain.openings import lengthen, shorten
from accrual.domain.referrals import ToLinks


class Reward(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag=1):
    """Judge these facts of one member and give what the promos say.

    `action` is the client's own word for the call; facts carry who referred the member. On a
    follow-up, `parent` is the ticket of the command that caused it. `unique_install`: the client vouches that an
    `install_id` is one device's.
    """

    dialect: Dialect
    action: str
    identity: Identity
    facts: tuple[Fact, ...]
    install_id: str | None = None
    device_type: str | None = None
    parent: bytes | None = None
    promo_codes: tuple[str, ...] = ()
    payment: str | None = None
    unique_install: bool = False


class Profile(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=3):
    """Change what is known of a member: what is None stays. Audiences and segments are put in and taken out by name.

    `birthday` is `YYYY-MM-DD` or `MM-DD`; an attribute set to None is removed.
    """

    dialect: Dialect
    action: str
    identity: Identity
    tier: str | None = None
    birthday: str | None = None
    attributes: dict[str, Scalar | None] = msgspec.field(default_factory=dict)
    segments_in: tuple[str, ...] = ()
    segments_out: tuple[str, ...] = ()
    lists_in: tuple[str, ...] = ()
    lists_out: tuple[str, ...] = ()


class Resume(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=2):
    """Try a parked command again; decided now, at this command's own position.

    `until` lies ahead on a test clock: how long the command has waited is counted up to it.
    """

    dialect: Dialect
    action: str
    identity: Identity
    ticket: bytes
    until: datetime | None = None


Command = Reward | Resume | Profile | Movement | ToLinks | Clearance


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A command on its way into the log.

    `content` is the 8-byte digest that a retry must match. `name` and `body` are personal: they are stored apart
    from `facts`, sealed by a salted digest, and may be erased. `refusal` is why the log takes it no more, unless it has
    it already: a date that has grown too old since the first try does not take the first answer away. `signed` is the
    16-byte digest of what the partner signed, where a client's signatures are enforced: accepted once a client.
    """

    programme_id: int
    client_id: int
    command: Command
    key: bytes
    content: bytes
    body: bytes
    name: str | None = None
    key_scope_client: bool = False
    refusal: AccrualError | None = None
    signed: bytes | None = None


class LoggedCommand(msgspec.Struct, frozen=True, gc=False):
    """One row of the command log without its erasable part. `facts` is an encoded Command."""

    bucket: int
    position: int
    ticket: bytes
    programme_id: int
    client_id: int
    recorded_at: datetime
    content: bytes
    seal: bytes
    facts: bytes
    name: str | None


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the log answers to a submission. `repeated`: the command was already there."""

    ticket: bytes
    bucket: int
    position: int
    recorded_at: datetime
    repeated: bool


CONTENT_BYTES = 8
UNSAID_BYTES = 5
"""The size of the optional fields at the end of a packed Reward when all are empty: a byte each."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)


def encode_command(command: Command) -> bytes:
    """The stored form of a command: MessagePack, positional, well-known words at its beginning as numbers."""
    packed = _ENCODER.encode(command)
    if type(command) is not Reward:
        return packed
    if not command.unique_install:
        # The field came last: commands that do not say it are stored as they were before there was one.
        packed = b"%c%b" % (packed[0] - 1, packed[1:-1])
    unsaid = (
        command.payment is None
        and command.parent is None
        and command.install_id is None
        and command.device_type is None
        and not command.promo_codes
        and not command.unique_install
    )
    return shorten(packed, command.dialect, command.action, command.identity.kind, UNSAID_BYTES if unsaid else 0)


def decode_command(facts: bytes) -> Command:
    """The command in a log row. Raises msgspec.DecodeError when the bytes are not one."""
    return _DECODER.decode(lengthen(facts))


def content_digest(canonical: bytes) -> bytes:
    """First 8 bytes of SHA-256 over the canonical translated command without transport fields.

    It is only ever compared with that of a command of the same ticket: whoever makes two alike fools nobody else.
    """
    return hashlib.sha256(canonical).digest()[:CONTENT_BYTES]


def seal_of(salt: bytes, name: str | None, body: bytes) -> bytes:
    """16-byte salted digest over the erasable part, so that erasing it leaves the chain whole."""
    hashed = hashlib.sha256(salt)
    hashed.update(b"\x00" if name is None else b"\x01" + name.encode() + b"\x00")
    hashed.update(body)
    return hashed.digest()[:16]
