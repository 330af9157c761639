"""TicketIds of both forms are written and read back; what is none of ours is told apart without a look-up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.api.dialects.qoin.tickets import processor_ticket_id, read_ticket_id, task_ticket_id
from accrual.domain.ids import ticket_of

TICKET = ticket_of(1, 3, b"identity", b"key", 5)


@pytest.mark.parametrize(
    ("number", "group"), [(45, "34352d31"), (189, "3138392d31"), (438, "3433382d31"), (0, "302d31")]
)
def test_client_number_stands_before_the_uuid_in_hexadecimal(number: int, group: str) -> None:
    assert task_ticket_id(number, TICKET).startswith(f"{group}-")


@given(st.integers(0, 10**12), st.binary(max_size=20), st.integers(0, 4095))
def test_what_is_written_is_read_back(number: int, key: bytes, bucket: int) -> None:
    ticket = ticket_of(1, 3, b"identity", key, bucket)
    for written in (task_ticket_id(number, ticket), processor_ticket_id("transactionpromo", ticket)):
        assert read_ticket_id(written) == ticket
        assert read_ticket_id(f" {written.upper()} ") == ticket
        assert read_ticket_id(written[-36:]) == ticket


@pytest.mark.parametrize(
    "text",
    [
        "",
        "34352d31-69bb2a81-cb51-4595-b621-bfdd34b0841a",
        "Reward:register:2de7d5e1-3ee6-4e43-863d-5547deb8a7a6",
        task_ticket_id(45, TICKET)[:-1],
        task_ticket_id(45, TICKET) + "0",
        task_ticket_id(45, TICKET).replace("-", ""),
        f"Reward:{task_ticket_id(45, TICKET)}",
        processor_ticket_id("１", TICKET),
        "x" * 100_000,
    ],
)
def test_what_is_no_ticket_of_ours_is_seen(text: str) -> None:
    assert read_ticket_id(text) is None
