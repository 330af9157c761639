"""Identifiers are derived and fixed for ever: these golden values are what databases already hold."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.accounts import Role
from accrual.domain.ids import (
    ASSETS_MAX,
    BUCKETS_MAX,
    bucket_of,
    bucket_of_ticket,
    digest16,
    is_ticket,
    member_account_id,
    member_id_of,
    system_account_id,
    ticket_of,
)

MEMBER = member_id_of(1, "qoin.user_id", "16659")
MEMBERS = st.binary(min_size=16, max_size=16)


def test_golden_values_never_change() -> None:
    assert MEMBER.hex() == "cecabef33c1d7edbf54215f99921465e"
    assert bucket_of(MEMBER, 256) == 219
    ticket = ticket_of(1, 3, MEMBER, b"kK-1", bucket_of(MEMBER, 256))
    assert str(uuid.UUID(bytes=ticket)) == "89edebaf-f419-80db-8304-efab98168bcd"
    assert member_account_id(MEMBER, 1, Role.MEMBER) == 6_393_336_384_736_266_158
    assert member_account_id(MEMBER, 1, Role.PENDING) == 8_570_679_167_204_688_835
    assert (system_account_id(1, Role.ISSUANCE), system_account_id(2, Role.BREAKAGE)) == (24, 41)


def test_parts_of_a_digest_do_not_run_together() -> None:
    assert digest16(b"p", b"ab", b"c") != digest16(b"p", b"a", b"bc")
    assert digest16(b"p", b"a") != digest16(b"q", b"a")
    assert digest16(b"p", b"") != digest16(b"p")
    assert member_id_of(1, "a", "bc") != member_id_of(1, "ab", "c")
    assert member_id_of(1, "kind", "7") != member_id_of(2, "kind", "7")


@given(st.integers(1, 40_000), st.text(max_size=300), st.text(max_size=300))
def test_member_is_the_digest_of_programme_kind_and_value(programme_id: int, kind: str, value: str) -> None:
    parts = (b"%d" % programme_id, kind.encode(), value.encode())
    assert member_id_of(programme_id, kind, value) == digest16(b"member", *parts)


@given(MEMBERS, st.integers(0, BUCKETS_MAX - 1), st.binary(min_size=1, max_size=40))
def test_ticket_carries_its_bucket_and_is_a_uuid_of_version_8(member: bytes, bucket: int, key: bytes) -> None:
    ticket = ticket_of(1, 3, member, key, bucket)
    assert bucket_of_ticket(ticket) == bucket
    assert is_ticket(ticket)
    read = uuid.UUID(bytes=ticket)
    assert (read.version, read.variant) == (8, uuid.RFC_4122)


def test_ticket_depends_on_programme_client_identity_and_key() -> None:
    asked = [
        (1, 3, MEMBER, b"k"),
        (2, 3, MEMBER, b"k"),
        (1, 4, MEMBER, b"k"),
        (1, 3, bytes(16), b"k"),
        (1, 3, MEMBER, b"r"),
    ]
    assert len({ticket_of(*of, 7) for of in asked}) == len(asked)
    assert ticket_of(1, 3, MEMBER, b"k", 7) == ticket_of(1, 3, MEMBER, b"k", 7)


def test_other_uuids_and_lengths_are_no_tickets() -> None:
    assert not is_ticket(uuid.UUID("7d444840-9dc0-41d1-b245-5ffdce74fad2").bytes)
    assert not is_ticket(b"")
    assert not is_ticket(bytes(17))


@given(MEMBERS)
def test_account_numbers_of_a_member_differ_and_never_meet_a_systems(member: bytes) -> None:
    assets = [*range(1, 40), ASSETS_MAX - 1]
    numbers = [member_account_id(member, asset, role) for asset in assets for role in Role if role < 8]
    assert len(set(numbers)) == len(numbers)
    assert all(2**62 <= number < 2**63 for number in numbers)
    systems = [system_account_id(asset, role) for asset in assets for role in Role if role >= 8]
    assert len(set(systems)) == len(systems)
    assert max(systems) < 2**24


def test_account_numbers_of_many_members_differ() -> None:
    members = [member_id_of(1, "user", str(number)) for number in range(2_000)]
    numbers = {member_account_id(member, asset, Role.MEMBER) for member in members for asset in (1, 2, 3)}
    assert len(numbers) == 6_000


def test_buckets_are_evenly_filled() -> None:
    counts = [0] * 16
    for number in range(16_000):
        counts[bucket_of(member_id_of(1, "user", str(number)), 16)] += 1
    assert min(counts) > 850
    assert max(counts) < 1_150
