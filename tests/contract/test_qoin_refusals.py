"""What Qoin's clients are told when a call cannot be taken: always the gateway's shape, always before anything happens."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.api.dialects.qoin.replies import failure
from accrual.api.dialects.qoin.routing import ACTIONS
from accrual.domain.errors import (
    CODES,
    AccrualError,
    Broken,
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    Missing,
    Refused,
    Unauthorized,
)
from accrual.domain.programme import IdempotencyPolicy, KeyScope
from tests.contract.qoin_desk import NOW, SETTINGS, Desk, as_pairs, fixture, refusal, request

TASK = json.dumps(fixture("qoin_task", "transaction")["request"])
PROMO = json.dumps(fixture("qoin_processor", "transactionpromo")["request"])

STATUS_OF = {
    "invalid": 400,
    "unknown_route": 400,
    "too_large": 413,
    "invalid_json": 400,
    "invalid_field": 400,
    "action_mismatch": 400,
    "invalid_amount": 400,
    "invalid_date": 400,
    "date_out_of_range": 400,
    "invalid_identity": 400,
    "key_missing": 400,
    "profile_name": 400,
    "profile_value": 400,
    "profile_birthday": 400,
    "profile_too_large": 400,
    "promo_invalid": 400,
    "forms_mixed": 400,
    "unauthorized": 401,
    "signature_invalid": 401,
    "forbidden": 403,
    "device_unknown": 401,
    "missing": 404,
    "ticket_unknown": 404,
    "promo_unknown": 404,
    "draw_unknown": 404,
    "version_unknown": 404,
    "member_unknown": 404,
    "rule_unknown": 404,
    "point_reward_unknown": 404,
    "reward_unknown": 404,
    "conflict": 409,
    "key_reused": 409,
    "signature_reused": 409,
    "refused": 400,
    "step_refused": 400,
    "four_eyes": 400,
    "rule_of_other_kind": 400,
    "busy": 429,
    "database_down": 503,
    "lane_lost": 503,
    "broken": 500,
}
KINDS: dict[str, type[AccrualError]] = {
    "invalid": Invalid,
    "unauthorized": Unauthorized,
    "missing": Missing,
    "conflict": Conflict,
    "refused": Refused,
    "busy": Busy,
    "broken": Broken,
}


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_its_status_in_the_gateways_shape(code: str) -> None:
    kind = Forbidden if code == "forbidden" else KINDS[CODES[code]]
    reply = failure(kind("Something is so.", code=code))
    assert reply.status == STATUS_OF[code]
    assert as_pairs(reply.body.decode()) == refusal(STATUS_OF[code], "Something is so.")
    assert reply.media_type == "application/json"


DEEP = '{"a":' * 10_000 + "1" + "}" * 10_000

BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "white space": (b"  \n", "not JSON"),
    "not json": (b"Subject=loyalty&SubjectType=reward", "not JSON"),
    "half of it": (TASK[:-20].encode(), "not JSON"),
    "an array": (f"[{TASK}]".encode(), "no object"),
    "text": (b'"loyalty"', "no object"),
    "null": (b"null", "no object"),
    "not UTF-8": (TASK.encode("utf-16"), "UTF-8"),
    "5 MB of spaces": (b" " * 5_000_000, "not JSON"),
    "5 MB of text": (TASK.replace('"ref123"', '"' + "x" * 5_000_000 + '"').encode(), "Data.refference: has more than 200"),
    "depth 10,000": (DEEP.encode(), "deeper"),
    "depth 33 in an unknown field": (TASK.replace('"ref123"', "[" * 33 + "]" * 33).encode(), "deeper"),
    "exact duplicate": (TASK.replace('"trxId": 0', '"trxId": 0, "trxId": 0').encode(), "twice"),
    "duplicate that is spelt otherwise": (TASK.replace('"trxId": 0', '"trxId": 0, "trx_id": 1').encode(), "another value"),
    "NaN": (TASK.replace("10000", "NaN").encode(), "NaN is not JSON"),
    "Infinity": (TASK.replace("10000", "Infinity").encode(), "Infinity is not JSON"),
    "-Infinity": (TASK.replace("10000", "-Infinity").encode(), "Infinity is not JSON"),
    "1e999": (TASK.replace("10000", "1e999").encode(), "exponent"),
    "1e999 in an unknown field": (TASK.replace('"trxId"', '"x": 1E+999, "trxId"').encode(), "exponent"),
    "5,000 digits": (TASK.replace("10000", "9" * 5000).encode(), "100 characters"),
    "5,000 digits in an unknown field": (TASK.replace('"trxId"', f'"x": {"9" * 5000}, "trxId"').encode(), "100 characters"),
    "5,000 decimals": (TASK.replace("10000", "0." + "9" * 5000).encode(), "100 characters"),
    "full-width digits": (TASK.replace("10000", "１００").encode(), "not JSON"),
    "half a character": (TASK.replace("agung", "agung\\ud800").encode(), "half a character"),
    "no Data": (b'{"Subject":"loyalty","SubjectType":"reward","SubjectIdentifier":"task","Action":"register"}', "Data: "),
    "Data is text": (TASK.replace('"Data": {', '"Data": "x", "Other": {').encode(), "Data: expected an object"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_body_that_cannot_be_read_is_refused(name: str) -> None:
    body, words = BAD_BODIES[name]
    answer = await Desk().hand_in(body)
    assert answer.status == 400
    assert answer.pairs == refusal(400, answer.message)
    assert words in answer.message
    assert len(answer.message) < 200
    assert answer.submission is None


def _amount(value: Any) -> bytes:
    return TASK.replace("10000", value if isinstance(value, str) else json.dumps(value)).encode()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("-1", "negative"),
        ('"-0.01"', "negative"),
        ("-0", "negative"),
        ("6843.555", "more than 2 decimals"),
        ('"6843.555"', "more than 2 decimals"),
        ("92233720368547758.08", "too large"),
        ("9" * 99, "not a plain decimal"),
        ("1e17", "too large"),
        ("1e30", "not a plain decimal"),
        ('"１００"', "not a plain decimal"),
        ('"1_000"', "not a plain decimal"),
        ('"1,000"', "not a plain decimal"),
        ('"IDR 1000"', "not a plain decimal"),
        ('"NaN"', "not a plain decimal"),
        ('"1e999"', "not a plain decimal"),
        ('"0x10"', "not a plain decimal"),
        ("true", "expected a number"),
        ("[1]", "expected a number"),
        ("{}", "expected a number"),
        ('""', "is needed"),
        ("null", "is needed"),
    ],
)
async def test_amount_that_is_none_is_refused_and_named(value: str, words: str) -> None:
    answer = await Desk().hand_in(_amount(value))
    assert answer.status == 400
    assert answer.message.startswith("Data.data[0].trxAmount: ")
    assert words in answer.message
    assert answer.submission is None


@pytest.mark.parametrize(
    ("value", "minor"),
    [
        ("6843", 684300),
        ("6843.0", 684300),
        ('"6843"', 684300),
        ('" 6843.00 "', 684300),
        ("6843.5", 684350),
        ("0", 0),
        ("1.0E7", 1_000_000_000),
        ("12.5e-1", 125),
        ("9999999999999.99", 999999999999999),
    ],
)
async def test_amount_is_read_exactly_in_all_its_forms(value: str, minor: int) -> None:
    assert (await Desk().hand_in(_amount(value))).command.facts[0].amount_minor == minor


@pytest.mark.parametrize(
    "date",
    [
        "yesterday", "2024-13-01 10:00:00", "2023-02-29T10:00:00", "2024-04-30 25:00:00", "2024-04-30 10:30",
        "2024-04-30 10:30-00", "２０２４-04-30 10:00:00", "0000-00-00 00:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59",
        "1969-12-31 00:00:00", "2024-04-30T10:30:00+25:00", "2024-04-30T10:30:00 PST", "2024-04-30\u0000", "20240430T103000",
        "2024-W18-2", 1714448000, True, {}, ["2024-04-30"],
    ],
)  # fmt: skip
async def test_date_that_is_none_is_refused_and_named(date: object) -> None:
    body = request("qoin_processor", "transactionpromo")
    body["Data"]["transaction"][3]["date"] = date
    answer = await Desk().hand_in(body)
    assert answer.status == 400
    assert answer.message.startswith("Data.transaction[3].date: ")
    assert answer.submission is None


@pytest.mark.parametrize(
    ("date", "late_limit", "good"),
    [
        ("2026-03-01T12:05:00Z", None, True),
        ("2026-03-01T12:05:01Z", None, False),
        ("2025-12-01T12:00:00Z", "P90D", True),
        ("2025-12-01T11:59:59Z", "P90D", False),
        ("1970-01-01T00:00:00Z", None, True),
    ],
)
async def test_one_date_too_old_or_ahead_refuses_the_whole_call(date: str, late_limit: str | None, good: bool) -> None:
    body = request("qoin_processor", "transactionpromo")
    for item in body["Data"]["transaction"]:
        item["date"] = "2026-03-01T10:00:00Z"
    body["Data"]["transaction"][1]["date"] = date
    answer = await Desk(settings=msgspec.structs.replace(SETTINGS, late_limit=late_limit)).hand_in(body)
    assert (answer.submission is not None) is good
    assert answer.status == (200 if good else 400)
    assert good or answer.message.startswith("Data.transaction[1].date: The date is ")


@pytest.mark.parametrize(
    "user",
    ["", "   ", None, 0, "0", "x" * 201, "x" * 10_000, "12\x003", "12\n3", "12\u200b3", "１２３", 1.5, True, {}, ["1"]],
)
async def test_identifier_that_names_no_one_is_refused_and_not_repeated(user: object) -> None:
    for name, field in (("task", "userId"), ("processor", "id")):
        body = request(f"qoin_{name}", "register")
        body["Data"][field] = user
        answer = await Desk().hand_in(body)
        assert answer.status == 400
        assert answer.message.startswith(f"Data.{field}: ")
        assert len(answer.message) < 120
        assert answer.submission is None


async def test_identifier_of_200_characters_is_taken_trimmed() -> None:
    body = request("qoin_task", "register")
    body["Data"]["userId"] = f"  {'x' * 200}\t"
    assert (await Desk().hand_in(body)).command.identity.value == "x" * 200


@pytest.mark.parametrize("field", ["trxId", "refference", "memberId", "memberName", "installId", "memberQtagPhone"])
@pytest.mark.parametrize("value", ["a\x00b", "x" * 201, [], {"a": 1}, False])
async def test_kept_field_that_cannot_be_kept_is_refused_and_not_repeated(field: str, value: object) -> None:
    body = request("qoin_task", "register")
    body["Data"][field] = value
    answer = await Desk().hand_in(body)
    assert answer.status == 400
    assert answer.message.startswith(f"Data.{field}: ")
    assert answer.submission is None


async def test_field_is_named_as_the_client_spells_it() -> None:
    body = json.loads(PROMO)
    body["data"] = body.pop("Data")
    body["data"]["Transaction"] = [{"DATE": "2024-02-08 11:22:06", "A_mount": "six"}]
    del body["data"]["transaction"]
    answer = await Desk().hand_in(body)
    assert answer.message == "data.Transaction[0].A_mount: The amount is not a plain decimal number."


async def test_items_that_are_no_objects_or_too_many_are_refused() -> None:
    body = json.loads(PROMO)
    for items, message in (
        ([{"amount": 1}, 7], "Data.transaction[1]: expected an object."),
        ("x", "Data.transaction: expected an array of objects."),
        ([{"amount": 1}] * 1001, "Data.transaction: has more than 1000 items."),
    ):
        body["Data"]["transaction"] = items
        assert (await Desk().hand_in(body)).pairs == refusal(400, message)


@pytest.mark.parametrize(
    "change",
    [
        {"Action": "cashback"},
        {"Action": "transactionpromo"},
        {"Action": ""},
        {"Action": 7},
        {"Subject": "saas"},
        {"Subject": None},
        {"SubjectType": "transaction"},
        {"SubjectIdentifier": "tasks"},
        {"SubjectIdentifier": ["task"]},
    ],
)
async def test_unknown_route_is_said_so_exactly(change: dict[str, object]) -> None:
    answer = await Desk().hand_in(json.loads(TASK) | change)
    assert answer.status == 400
    assert answer.pairs == refusal(400, "Access route not found")


@pytest.mark.parametrize("right", ["qoin_task", "qoin_processor"])
async def test_client_speaks_only_the_dialects_it_has_the_right_to(right: str) -> None:
    desk = Desk(rights=(right,))
    answers = {"qoin_task": await desk.hand_in(TASK.encode()), "qoin_processor": await desk.hand_in(PROMO.encode())}
    assert {name: answer.status for name, answer in answers.items()} == {
        name: 200 if name == right else 403 for name in answers
    }


async def test_key_used_again_for_the_same_is_the_same_and_for_another_is_refused() -> None:
    desk = Desk()
    first = await desk.hand_in(TASK.encode(), key="a-1")
    again = await desk.hand_in(json.dumps(json.loads(TASK), indent=4).encode(), key=" a-1 ")
    other = await desk.hand_in(TASK.replace("10000", "10001").encode(), key="a-1")
    assert again.text == first.text
    assert again.submission is None
    assert other.pairs == refusal(409, "This idempotency key was already used with another content.")
    assert len(desk.engine.submissions) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"Subject"', '"Date": "2024-04-30 15:02:08.670 WIB", "Subject"'),
        ('"sssss"', '"other"'),
        ('"userId": 123', '"user_id": "123"'),
        ('"trxAmount": 10000', '"trxAmount": 10000.00'),
        ('"trxAmount": 10000', '"trxAmount": "10000.0"'),
        ('"trxAmount": 10000', '"trx-amount": 1.0E4'),
        ('"userIdShare": 456', '"userIdShare": " 456"'),
        ('"trxId": 0', '"trxId": "0", "appVersion": 3'),
        (" ", ""),
        ('"loyalty"', '"Loyalty"'),
    ],
)
async def test_transport_fields_and_spelling_are_not_content(old: str, new: str) -> None:
    desk = Desk()
    assert old in TASK
    first = await desk.hand_in(TASK.encode(), key="a")
    again = await desk.hand_in(TASK.replace(old, new).encode(), key="a")
    assert again.text == first.text
    assert again.submission is None


@pytest.mark.parametrize("body", [TASK.replace('"trxDate": ""', '"trxDate": "2026-03-01 10:00:00"'), PROMO])
async def test_retry_gets_its_first_ticket_however_old_its_date_has_become(body: str) -> None:
    desk = Desk(settings=msgspec.structs.replace(SETTINGS, late_limit="P5Y"))
    first = await desk.hand_in(body.encode(), key="a")
    assert first.status == 200
    late = NOW + timedelta(days=3000)
    assert (await desk.hand_in(body.encode(), key="a", now=late)).text == first.text
    assert (await desk.hand_in(body.encode(), key="b", now=late)).status == 400
    assert (await desk.hand_in(body.encode(), now=late)).status == 400


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"trxId": 0', '"trxId": 1'),
        ('"ref123"', '"ref124"'),
        ('"memberId": 123', '"memberId": 124'),
        ('"agung"', '"Agung"'),
        ('"userFromStatus": 0', '"userFromStatus": 1'),
        ('"userIdShare": 456', '"userIdShare": 457'),
        ('"android"', '"ios"'),
        ('"installId": "installId"', '"installId": "S21+"'),
        ("10000", "10000.01"),
        ('"trxDate": ""', '"trxDate": "2026-03-01 10:00:00"'),
        ('"trxDate": ""', '"trxDate": "", "product_id": 1'),
        ('"signature"', '"memberQtagPhone": "Q1", "signature"'),
        ('"Data"', '"ScopeSource": "app", "Data"'),
    ],
)
async def test_everything_else_that_the_client_says_is_content(old: str, new: str) -> None:
    desk = Desk()
    assert old in TASK
    assert (await desk.hand_in(TASK.encode(), key="a")).status == 200
    assert (await desk.hand_in(TASK.replace(old, new).encode(), key="a")).status == 409


@pytest.mark.parametrize(
    ("key", "status"), [("", 400), ("  ", 400), ("x" * 200, 200), ("x" * 201, 400), ("a\x7f", 400)]
)
async def test_idempotency_key_has_1_to_200_characters(key: str, status: int) -> None:
    answer = await Desk().hand_in(TASK.encode(), key=key)
    assert answer.status == status
    assert status == 200 or "Idempotency-Key" in answer.message


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ('"id_user_share": 462', '"id-user-share": "462"', 200),
        ('"command": "transactionreferral", ', "", 200),
        ('"id_user_share": 462', '"id_user_share": 464', 409),
        ('"id_user_share": 462', '"id": 1, "id_user_share": 462', 409),
        ('"product_id": 12', '"product_id": 13', 409),
        ('"product_id": 12', '"product_id": 12, "amount": 0', 409),
        ("2024-03-31T11:22:06", "2024-03-31 11:22:06", 409),
    ],
)
async def test_content_of_a_processors_call_is_what_it_says(old: str, new: str, status: int) -> None:
    desk = Desk()
    body = json.dumps(fixture("qoin_processor", "transactionreferral")["request"])
    assert old in body
    assert (await desk.hand_in(body.encode(), key="a")).status == 200
    assert (await desk.hand_in(body.replace(old, new).encode(), key="a")).status == status


async def test_client_that_must_send_a_key_is_told_so() -> None:
    desk = Desk(idempotency=IdempotencyPolicy.REQUIRE)
    answer = await desk.hand_in(TASK.encode())
    assert answer.status == 400
    assert "Idempotency-Key is needed" in answer.message
    assert (await desk.hand_in(TASK.encode(), key="k")).status == 200
    assert desk.engine.warnings == []


async def test_client_that_should_send_a_key_is_warned_about() -> None:
    desk = Desk(idempotency=IdempotencyPolicy.WARN)
    assert (await desk.hand_in(TASK.encode())).status == 200
    assert (await desk.hand_in(TASK.encode(), key="k")).status == 200
    assert desk.engine.warnings == [("key_missing", "partner")]


async def test_keys_and_random_keys_never_meet_and_scope_comes_from_the_client() -> None:
    keyed = (await Desk(key_scope=KeyScope.CLIENT).hand_in(TASK.encode(), key="abc")).taken
    random = (await Desk().hand_in(TASK.encode())).taken
    assert (keyed.key, keyed.key_scope_client) == (b"kabc", True)
    assert (random.key, random.key_scope_client) == (b"r" + (1).to_bytes(16, "big"), False)


NAMES = ["Subject", "SubjectType", "SubjectIdentifier", "Action", "Data", "ScopeSource", "Date", "TicketId"]
INNER = [
    "trxId", "userId", "user_id", "userIdShare", "memberName", "data", "trxAmount", "trxDate", "id", "id_user_share",
    "id-user-receive", "command", "transaction", "date", "amount", "product_id", "signature",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "register", "2024-04-30 10-30-00", "1e5", "-1", "0"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER), inner, max_size=6),
    max_leaves=12,
)
ROUTING = st.fixed_dictionaries(
    {
        "Subject": st.sampled_from(["loyalty", "reward"]),
        "SubjectType": st.sampled_from(["reward", "transaction"]),
        "SubjectIdentifier": st.sampled_from(["task", "processor", "register"]),
        "Action": st.sampled_from(["process", *sorted(ACTIONS[2])]),
        "Data": VALUES,
    },
    optional=dict.fromkeys(("ScopeSource", "Date", "TicketId"), VALUES),
)


@settings(deadline=None, max_examples=300)
@given(body=st.one_of(ROUTING, st.dictionaries(st.sampled_from(NAMES), VALUES), VALUES), raw=st.binary(max_size=40))
async def test_whatever_is_sent_gets_a_reply_in_one_of_the_shapes(body: Any, raw: bytes) -> None:
    desk = Desk()
    for sent in (json.dumps(body).encode(), raw, json.dumps(body, ensure_ascii=False).encode(errors="surrogatepass")):
        for answer in (await desk.hand_in(sent), await desk.fetch(sent)):
            reply = answer.json
            assert answer.status == 200 or list(reply) == ["Status", "StatusCode", "Message", "Data"]
            assert answer.status in (200, 400, 404)
