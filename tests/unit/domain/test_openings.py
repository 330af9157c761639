"""Stored commands begin with numbers for well-known words: they read back whole, and the numbers never change."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.commands import Dialect, Profile, Resume, Reward, decode_command, encode_command
from accrual.domain.facts import Event, Identity, Item, Purchase, Referral
from accrual.domain.openings import ACTIONS, KINDS, WHOLE

AT = datetime(2024, 3, 11, 8, 22, 6, tzinfo=UTC)
PAID = Reward(
    dialect=Dialect.QOIN_PROCESSOR,
    action="transactionpromo",
    identity=Identity("qoin.user_id", "16659"),
    facts=(Purchase(occurred_at=AT, amount_minor=684300),),
)


def test_stored_bytes_of_a_known_command_never_change() -> None:
    assert encode_command(PAID).hex() == "0701a53136363539919703d6ff65eebf2ece000a710cc0c0c0c0"
    child = msgspec.structs.replace(PAID, parent=b"p" * 16)
    assert encode_command(child).hex() == (
        "47019aa53136363539919703d6ff65eebf2ece000a710cc0c0c0c0c0c0c410" + b"p".hex() * 16 + "90c0"
    )


def test_numbers_of_words_never_change() -> None:
    """Append to the lists and put the new digest here; never move or remove a word."""
    assert (len(ACTIONS), len(KINDS)) == (22, 8)
    assert hashlib.sha256(json.dumps([ACTIONS[:22], KINDS[:8]]).encode()).hexdigest()[:16] == "06f145a43fec7e71"
    assert len(ACTIONS) <= WHOLE


@pytest.mark.parametrize("kind", [*KINDS, "their.own"])
@pytest.mark.parametrize(("dialect", "action"), [*ACTIONS, (1, "their own"), (2, "transactionpromo")])
def test_every_opening_reads_back(dialect: int, action: str, kind: str) -> None:
    plain = Reward(dialect=Dialect(dialect), action=action, identity=Identity(kind, "7"), facts=PAID.facts)
    for reward in (plain, msgspec.structs.replace(plain, install_id="till")):
        stored = encode_command(reward)
        assert decode_command(stored) == reward
        assert (action.encode() in stored) is ((dialect, action) not in ACTIONS)


rewards = st.builds(
    Reward,
    dialect=st.sampled_from(Dialect),
    action=st.sampled_from([action for _, action in ACTIONS]) | st.text(max_size=40),
    identity=st.builds(Identity, kind=st.sampled_from(KINDS) | st.text(max_size=40), value=st.text(max_size=200)),
    facts=st.lists(
        st.builds(Purchase, occurred_at=st.none() | st.datetimes(timezones=st.just(UTC)), amount_minor=st.integers(0))
        | st.builds(Referral, referrer=st.builds(Identity, kind=st.text(max_size=9), value=st.text(max_size=9)))
        | st.builds(Purchase, items=st.lists(st.builds(Item, product=st.text(max_size=9)), max_size=3).map(tuple))
        | st.builds(Event, name=st.text(max_size=9)),
        max_size=20,
    ).map(tuple),
    install_id=st.none() | st.text(max_size=9),
    device_type=st.none() | st.text(max_size=9),
    parent=st.none() | st.binary(min_size=16, max_size=16) | st.just(b"\xc0" * 16),
    promo_codes=st.lists(st.text(max_size=9), max_size=3).map(tuple),
    payment=st.none() | st.text(max_size=9),
).filter(lambda reward: all((fact.amount_minor or 0) < 2**63 for fact in reward.facts))


@given(rewards)
def test_every_reward_reads_back(reward: Reward) -> None:
    assert decode_command(encode_command(reward)) == reward


def test_commands_of_other_sorts_are_stored_as_they_are() -> None:
    identity = Identity("qoin.user_id", "1")
    for command in (
        Resume(dialect=Dialect.INTERNAL, action="transaction", identity=identity, ticket=b"t" * 16),
        Profile(dialect=Dialect.QOIN_TASK, action="transaction", identity=identity, tier="gold"),
    ):
        assert decode_command(encode_command(command)) == command


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x07",
        b"\x07\x7f\xa17\x90",
        b"\x3f\x01\xa17\x90",
        b"\x7f\x01\x9a\xa17\x90",
        b"\x47\x01",
        b"\xc1",
        b"not one",
    ],
    ids=["empty", "no kind", "kind", "action", "whole action", "cut off", "no array", "text"],
)
def test_what_is_no_command_is_a_decode_error(damaged: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_command(damaged)
