"""What Goodie's clients are told when a posting cannot be taken: each failure by name, and nothing has happened then."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from accrual.api.dialects.goodie.reply import failure
from accrual.domain.errors import CODES, AccrualError, Forbidden
from accrual.domain.programme import Enrol
from tests.arch.tree import ROOT
from tests.contract.goodie_desk import (
    AMOUNT_RULE,
    HEADERS,
    INQUIRY,
    ISSUING_RULE,
    MEMBER,
    MERCHANT,
    POSTING,
    Desk,
    basic,
    custom,
)
from tests.desk import promo_of

PAGE = (ROOT / "docs" / "dialects" / "goodie.md").read_text(encoding="utf-8")
KINDS = {kind.kind: kind for kind in AccrualError.__subclasses__()}
EXPECTED: dict[str, tuple[str, int]] = {
    "invalid_json": ("INQ901", 400),
    "invalid_amount": ("INQ903", 400),
    "invalid_identity": ("INQ904", 400),
    "forms_mixed": ("INQ905", 400),
    "key_missing": ("INQ906", 400),
    "too_large": ("INQ907", 413),
    "unknown_route": ("INQ908", 404),
    "unauthorized": ("INQ910", 401),
    "device_unknown": ("INQ911", 401),
    "forbidden": ("INQ912", 403),
    "rule_unknown": ("INQ920", 200),
    "rule_of_other_kind": ("INQ921", 200),
    "member_unknown": ("INQ922", 200),
    "key_reused": ("INQ923", 200),
    "busy": ("INQ990", 503),
    "database_down": ("INQ991", 503),
    "lane_lost": ("INQ991", 503),
    "broken": ("INQ999", 500),
}
REST = {
    "invalid": ("INQ902", 400),
    "unauthorized": ("INQ910", 401),
    "missing": ("INQ924", 200),
    "conflict": ("INQ924", 200),
    "refused": ("INQ924", 200),
    "busy": ("INQ990", 503),
}


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_failing_status_of_ours(code: str) -> None:
    kind = Forbidden if code == "forbidden" else KINDS[CODES[code]]
    reply = failure(kind("Something is so.", code=code))
    status, http_status = EXPECTED.get(code) or REST[CODES[code]]
    assert reply.status == http_status
    assert json.loads(reply.body, object_pairs_hook=list) == [
        ("abstractResponse", [("responseStatus", status), ("responseMessage", "Something is so.")])
    ]


def test_page_lists_every_failing_status_with_its_http_status() -> None:
    listed = dict(re.findall(r"^\| `(INQ9\d\d)` \| (\d{3})", PAGE, re.MULTILINE))
    given = {status: str(http_status) for status, http_status in (*EXPECTED.values(), *REST.values())}
    assert listed == given


BAD: dict[str, tuple[Any, int, str, str]] = {
    "no body": (b"", 400, "INQ901", "empty"),
    "half a body": (json.dumps(basic())[:-3].encode(), 400, "INQ901", "not JSON"),
    "an array": (json.dumps([basic()]).encode(), 400, "INQ901", "no object"),
    "a key twice": (b'{"memberId":"a","memberId":"b"}', 400, "INQ901", "twice"),
    "not a number": (json.dumps(basic(amount=float("nan"))).encode(), 400, "INQ901", "NaN"),
    "no member": ({**basic(), "memberId": " "}, 400, "INQ904", "memberId: is needed"),
    "a member that is an object": ({**basic(), "memberId": {}}, 400, "INQ904", "memberId: expected"),
    "a member that is too long": ({**basic(), "memberId": "x" * 201}, 400, "INQ904", "200"),
    "no merchant": (
        {name: value for name, value in basic().items() if name != "merchantId"}, 400, "INQ902", "merchantId: is needed",
    ),
    "a control character in the store": (basic(storeId="a\u0000b"), 400, "INQ902", "storeId: has control"),
    "one field, two values": ({**basic(), "member_id": "B"}, 400, "INQ902", "with another value"),
    "neither form": ({"memberId": MEMBER, "merchantId": MERCHANT}, 400, "INQ905", "needs custom or basic"),
    "both empty": ({"memberId": MEMBER, "merchantId": MERCHANT, "custom": [], "basic": {}}, 400, "INQ905", "needs"),
    "both forms": ({**basic(), **custom(AMOUNT_RULE)}, 400, "INQ905", "two forms"),
    "both forms, spelt otherwise": (
        {**custom(AMOUNT_RULE), "Basic": [basic()["basic"]]}, 400, "INQ905", "two forms",
    ),
    "two payments": (basic(basic=[basic()["basic"], basic()["basic"]]), 400, "INQ902", "more than one payment"),
    "a payment that is text": (basic(basic="100"), 400, "INQ902", "basic: expected an array"),
    "no reference": (basic(reference=""), 400, "INQ902", "basic.refNumber: is needed"),
    "no amount": (basic(amount=""), 400, "INQ903", "basic.totalTrxAmount: is needed"),
    "a negative amount": (basic(amount="-1"), 400, "INQ903", "basic.totalTrxAmount: The amount is negative"),
    "an amount too fine": (basic(amount="1.234"), 400, "INQ903", "more than 2 decimals"),
    "an amount with a sign of its own": (basic(amount="Rp 100"), 400, "INQ903", "not a plain decimal"),
    "an amount beyond all": (basic(amount=10**30), 400, "INQ903", "amount"),
    "an amount that is a list": (basic(amount=[]), 400, "INQ903", "expected a number"),
    "rules that are text": (custom() | {"custom": "x"}, 400, "INQ902", "custom: expected an array"),
    "a rule that is text": (custom() | {"custom": ["x"]}, 400, "INQ902", "custom[0]: expected an object"),
    "too many rules": (custom(*[ISSUING_RULE] * 21), 400, "INQ902", "more than 20"),
    "no name of the rule": (custom({"issuing": 1}), 400, "INQ902", "custom[0].ruleName: is needed"),
    "no issuing": (custom({"ruleName": "CUSTOM RULE API"}), 400, "INQ902", "custom[0].issuing: is needed"),
    "issuing 2": (custom({**AMOUNT_RULE, "issuing": 2}), 400, "INQ902", "custom[0].issuing: expected 0"),
    "issuing -1": (custom({**AMOUNT_RULE, "issuing": -1}), 400, "INQ902", "expected 0"),
    "issuing true": (custom({**AMOUNT_RULE, "issuing": True}), 400, "INQ902", "custom[0].issuing: expected"),
    "no amount for issuing 0": (custom({**AMOUNT_RULE, "amount": None}), 400, "INQ903", "custom[0].amount: is needed"),
    "a negative amount for a rule": (custom({**AMOUNT_RULE, "amount": -5}), 400, "INQ903", "custom[0].amount: The"),
    "a rule that does not exist": (custom({"ruleName": "NONE", "issuing": 1}), 200, "INQ920", "no custom rule NONE"),
    "an amount rule that does not exist": (custom({**AMOUNT_RULE, "ruleName": "NONE"}), 200, "INQ920", "NONE"),
    "a rule in other letters": (custom({**ISSUING_RULE, "ruleName": "custom rule issuing"}), 200, "INQ920", "custom"),
    "an amount rule asked as issuing": (custom({**AMOUNT_RULE, "issuing": 1}), 200, "INQ921", "send issuing 0"),
    "an issuing rule asked for an amount": (
        custom({**ISSUING_RULE, "issuing": 0, "amount": 5}), 200, "INQ921", "send issuing 1",
    ),
    "a good rule and a bad one": (custom(AMOUNT_RULE, {"ruleName": "NONE", "issuing": 1}), 200, "INQ920", "custom[1]"),
}  # fmt: skip


@pytest.mark.parametrize("to", [POSTING, INQUIRY])
@pytest.mark.parametrize("name", BAD)
async def test_bad_input_is_refused_by_name_and_changes_nothing(name: str, to: str) -> None:
    body, http_status, status, words = BAD[name]
    desk = Desk()
    answer = await desk.ask(body, to=to, key="one")
    assert (answer.status, answer.failure) == (http_status, status)
    assert words in answer.message
    assert len(answer.message) < 300
    assert desk.commands == 0
    assert not desk.engine.waited_s


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, "INQ910"),
        ({"deviceUniqueId": "d"}, "INQ910"),
        ({"authToken": "", "deviceUniqueId": "d"}, "INQ910"),
        ({"authToken": "other", "deviceUniqueId": "d"}, "INQ910"),
        ({"authToken": "x" * 600, "deviceUniqueId": "d"}, "INQ910"),
        ({"authToken": "demo-goodie", "auth_token": "other", "deviceUniqueId": "d"}, "INQ910"),
        ({"API-Key": "demo-goodie", "deviceUniqueId": "d"}, "INQ910"),
        ({"authToken": "demo-goodie"}, "INQ911"),
        ({"authToken": "demo-goodie", "deviceUniqueId": " "}, "INQ911"),
        ({"authToken": "demo-goodie", "deviceUniqueId": "d" * 201}, "INQ911"),
    ],
)
async def test_without_token_and_device_nobody_comes_in(headers: dict[str, str], status: str) -> None:
    desk = Desk()
    answer = await desk.ask(basic(), headers=headers)
    assert (answer.status, answer.failure) == (401, status)
    assert desk.commands == 0
    assert (await desk.ask_points(f"memberId={MEMBER}&merchantId=M", headers=headers)).failure == status


async def test_client_with_a_list_of_devices_calls_from_those_only() -> None:
    desk = Desk(devices=("till-1", "till-2"))
    assert (await desk.ask(basic(), headers=HEADERS | {"deviceUniqueId": "till-2"})).status == 200
    answer = await desk.ask(basic(), headers=HEADERS | {"deviceUniqueId": "till-3"})
    assert (answer.status, answer.failure) == (401, "INQ911")
    assert "till" not in answer.message


async def test_client_without_the_right_is_refused() -> None:
    desk = Desk(rights=("submit",))
    for answer in (await desk.ask(basic()), await desk.ask(basic(), to=INQUIRY), await desk.ask_points("memberId=a")):
        assert (answer.status, answer.failure) == (403, "INQ912")


async def test_wrong_method_is_told_the_right_one() -> None:
    answer = await Desk().ask(b"", method="GET")
    assert (answer.status, answer.failure, answer.headers["allow"]) == (405, "INQ908", "POST")


@pytest.mark.parametrize("enrol", [Enrol.NEVER, Enrol.REGISTER_ONLY])
async def test_member_whom_the_programme_does_not_enrol_is_unknown(enrol: Enrol) -> None:
    desk = Desk(settings={"enrol": enrol})
    for to in (INQUIRY, POSTING, POSTING):
        answer = await desk.ask(basic(), to=to)
        assert (answer.status, answer.failure) == (200, "INQ922")
    assert not desk.engine.lane.books.lines


@pytest.mark.parametrize(
    ("changes", "exists"),
    [
        ({}, True),
        ({"status": "paused"}, True),
        ({"window": {"until": "2026-01-01T00:00:00"}}, True),
        ({"status": "draft"}, False),
        ({"status": "approved"}, False),
        ({"status": "ended"}, False),
        ({"event": "app_review"}, False),
    ],
)
async def test_rule_exists_while_a_promo_that_names_it_is_active_or_paused(
    changes: dict[str, Any], exists: bool
) -> None:
    document = {
        "code": "P",
        "trigger": "event",
        "event": "goodie.custom",
        "benefits": [{"asset": "PTS", "issuing": {"rules": {"R": 7}}}],
    }
    answer = await Desk(promo_of(**document | changes)).ask(custom({"ruleName": "R", "issuing": 1}))
    assert (answer.json["abstractResponse"]["responseStatus"] == "INQ000") is exists
    if exists:
        assert answer.json["totalPointIssuing"] == (0 if changes else 7)
