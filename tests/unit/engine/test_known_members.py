"""The members that a demo programme names become commands that are the same however often the file is applied."""

from __future__ import annotations

import pytest

from accrual.domain.commands import Profile
from accrual.domain.errors import Invalid
from accrual.domain.programme import Client, KnownMember, Settings, StoredClient
from accrual.engine.known_members import make_known

CLIENT = StoredClient(client_id=3, programme_id=1, client=Client(code="till"), key_digest=None)
SETTINGS = Settings(code="demo")
WALLET = KnownMember(kind="wallet_code", value="011", name="Fares", attributes={"city": "Cairo"})


def test_member_of_the_file_is_a_profile_with_name_and_attributes() -> None:
    (made,) = make_known([WALLET], CLIENT, SETTINGS)
    assert isinstance(made.command, Profile)
    assert (made.command.identity.kind, made.command.identity.value) == ("wallet_code", "011")
    assert (made.command.attributes, made.name) == ({"city": "Cairo"}, "Fares")


def test_same_member_is_the_same_command_and_a_changed_one_is_another() -> None:
    first, again = make_known([WALLET], CLIENT, SETTINGS), make_known([WALLET], CLIENT, SETTINGS)
    (other,) = make_known([KnownMember(kind="wallet_code", value="011", name="Farah")], CLIENT, SETTINGS)
    assert first == again
    assert other.key != first[0].key


def test_identity_that_no_command_could_carry_is_refused_with_its_place() -> None:
    with pytest.raises(Invalid) as refused:
        make_known([KnownMember(kind="wallet_code", value="\x00")], CLIENT, SETTINGS)
    assert refused.value.details["path"] == "members[0].value"
