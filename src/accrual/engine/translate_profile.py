"""A native change of a profile into its command, checked before it is accepted; what it changes is decided in the lane."""

from __future__ import annotations

import msgspec

from accrual.domain.commands import Dialect, Profile
from accrual.domain.errors import Invalid
from accrual.domain.members import EMPTY_PROFILE
from accrual.domain.native import NativeCommand, WrittenProfile
from accrual.domain.programme import Settings
from accrual.engine.native_fields import read_optional, read_written_identity
from accrual.rules.profiles import change

ACTION = "profile"
_FOR_FACTS = ("facts", "install_id", "device_type", "promo_codes", "payment")


def to_profile(native: NativeCommand, written: WrittenProfile, settings: Settings) -> Profile:
    """The command. What no profile could take is refused here and now, not in the lane.

    Raises Invalid: `invalid_field` where fields of facts come with it, or nothing is to be changed; `invalid_identity`;
    `profile_name`, `profile_value`, `profile_birthday`, `profile_too_large`.
    """
    for name in _FOR_FACTS:
        if getattr(native, name):
            raise _invalid(f"A command has either facts or a profile; `{name}` goes with facts.", name)
    command = Profile(
        dialect=Dialect.NATIVE,
        action=read_optional(native.action, "action") or ACTION,
        identity=read_written_identity(native.member, "member", settings),
        tier=written.tier,
        birthday=written.birthday,
        attributes=dict(sorted((written.attributes or {}).items())),
        segments_in=_names(written.segments.add),
        segments_out=_names(written.segments.remove),
        lists_in=_names(written.lists.add),
        lists_out=_names(written.lists.remove),
    )
    try:
        change(EMPTY_PROFILE, command)
    except Invalid as error:
        raise Invalid(error.message, code=error.code, details={**error.details, "path": "profile"}) from error
    if written == WrittenProfile() and native.member_name is None:
        raise _invalid("The profile changes nothing.", "profile")
    return command


def canonical_profile(command: Profile, name: str | None) -> bytes:
    """What a retry must repeat: what is to be changed, however it was spelt and in whatever order."""
    return msgspec.msgpack.encode((ACTION, name, command))


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _invalid(message: str, path: str) -> Invalid:
    return Invalid(message, code="invalid_field", details={"path": path})
