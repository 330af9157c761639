"""One person is one member, however an identity is spelt: by rule, by kind, and on every surface that names a member."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.domain.errors import Invalid
from accrual.domain.facts import Identity
from accrual.domain.identities import known_as
from accrual.domain.programme import Case, IdentityForm, IdentityRule, PlusTags, Settings
from accrual.engine.programme_file import ProgrammeInvalid, read_programme
from tests.contract.qoin_desk import request
from tests.flow.processes import Reply, Served, serving, task, until
from tests.pg_fixtures import Database, Postgres

pytestmark = pytest.mark.security

RULES = Settings(
    code="spelt",
    region="ID",
    identities={
        "msisdn": IdentityRule(as_=IdentityForm.PHONE),
        "handset": IdentityRule(as_=IdentityForm.PHONE, region="IT"),
        "email": IdentityRule(as_=IdentityForm.EMAIL),
        "inbox": IdentityRule(as_=IdentityForm.EMAIL, plus_tags=PlusTags.DROP),
        "strict": IdentityRule(as_=IdentityForm.EMAIL, case=Case.KEEP),
        "card": IdentityRule(case=Case.IGNORE),
        "code": IdentityRule(),
    },
)
PHONE = "+6281234567890"
SPELLINGS = [
    ("msisdn", PHONE, PHONE),
    ("msisdn", "081234567890", PHONE),
    ("msisdn", "6281234567890", PHONE),
    ("msisdn", "0812-3456-7890", PHONE),
    ("msisdn", "(0812) 3456 7890", PHONE),
    ("msisdn", "+62 812 3456 7890", PHONE),
    ("msisdn", "٠٨١٢٣٤٥٦٧٨٩٠", PHONE),
    ("msisdn", "+６２８１２３４５６７８９０", PHONE),
    ("handset", "06 6982", "+39066982"),
    ("email", "Ana@Example.COM", "ana@example.com"),
    ("email", "ana@example.com.", "ana@example.com"),
    ("email", "ana@bücher.example", "ana@xn--bcher-kva.example"),
    ("email", "ana+1@example.com", "ana+1@example.com"),
    ("inbox", "Ana+shop@example.com", "ana@example.com"),
    ("strict", "Ana@Example.com", "Ana@example.com"),
    ("card", "STRASSE-7", "strasse-7"),
    ("card", "straße-7", "strasse-7"),
    ("code", "Ab-\u0661", "Ab-1"),
    ("other", "Ab", "Ab"),
    ("other", "e\u0301", "\u00e9"),
    ("other", "\u0661", "\u0661"),
]


@pytest.mark.parametrize(("kind", "written", "stored"), SPELLINGS)
def test_spelling_has_one_stored_form(kind: str, written: str, stored: str) -> None:
    assert known_as(Identity(kind, written), RULES) == Identity(kind, stored)


@pytest.mark.parametrize(
    "value",
    [
        "62\ufeff811",
        "62\u200b811",
        "62\u00ad811",
        "62\u2060811",
        "62\u3164811",
        "62\ufe0f811",
        "62\u00a0811",
        "a\u202eb",
    ],
)
@pytest.mark.parametrize("kind", ["msisdn", "code", "other"])
def test_what_cannot_be_seen_is_refused(kind: str, value: str) -> None:
    with pytest.raises(Invalid, match="cannot be seen") as refused:
        known_as(Identity(kind, value), RULES)
    assert refused.value.code == "invalid_identity"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("msisdn", "12"),
        ("msisdn", "nobody"),
        ("msisdn", "0812345678901234567"),
        ("msisdn", "081234567890 ext. 5"),
        ("email", "ana"),
        ("email", "@example.com"),
        ("email", "ana@"),
        ("email", "ana@example"),
        ("email", "ana@exa..mple.com"),
        ("email", "a na@example.com"),
        ("other", "\u0958" * 200),
    ],
)
def test_what_is_not_of_its_kind_is_refused(kind: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        known_as(Identity(kind, value), RULES)
    assert refused.value.code == "invalid_identity"


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from([*RULES.identities, "other"]), value=st.text(min_size=1, max_size=30))
def test_stored_form_is_its_own_stored_form(kind: str, value: str) -> None:
    try:
        stored = known_as(Identity(kind, value), RULES)
    except Invalid:
        return
    assert known_as(stored, RULES) == stored
    assert 1 <= len(stored.value) <= 200


@settings(max_examples=100, deadline=None)
@given(value=st.text(alphabet=[chr(code) for code in range(0x20, 0x7F)], min_size=1))
def test_programme_without_rules_keeps_every_ascii_identity(value: str) -> None:
    assert known_as(Identity("any", value), Settings(code="plain")).value == value


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("region: ZZ", "programme.region"),
        ("identities: {m: {as: phone, region: ZZ}}", "programme.identities.m.region"),
        ("identities: {m: {as: email, region: ID}}", "programme.identities.m.region"),
        ("identities: {m: {as: phone, case: keep}}", "programme.identities.m.case"),
        ("identities: {m: {as: text, plus_tags: drop}}", "programme.identities.m.plus_tags"),
        ("identities: {m: {as: number}}", "programme.identities"),
    ],
)
def test_rule_without_effect_is_refused(written: str, path: str) -> None:
    with pytest.raises(ProgrammeInvalid) as refused:
        read_programme(f"programme:\n  code: x\n  {written}\n", "x.yaml")
    assert path in refused.value.message


PROGRAMME = """
programme:
  code: spelt
  demo: true
  currency: IDR
  late_limit: null
  region: ID
  identities:
    msisdn: {as: phone}
    qoin.user_id: {as: phone}
    goodie.member_id: {as: phone}
    wallet_code: {as: phone}
assets: [{code: PTS}]
outlets: [{code: SHOP, aliases: {all: [M1, "0100"]}}]
clients:
  - code: all
    rights: [submit, read, points, grant, merge, profile, qoin_task, qoin_processor, goodie, dsquares]
    key: demo-qoin
    enrol_on_reward: true
promos:
  - {code: PAY, trigger: purchase, benefits: [{asset: PTS, fixed: 10}]}
  - {code: BRING, trigger: referral, benefits: [{asset: PTS, fixed: 500}]}
"""
LOCAL, ABROAD = "081234567890", "+62 812-3456-7890"


class Stage:
    """A served programme, asked as one client."""

    def __init__(self, served: Served, database: Database) -> None:
        self.served, self.database = served, database

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        known = {"API-Key": "demo-qoin", "Prefer": "wait=10", "ClientId": "all", "authToken": "demo-qoin"}
        return self.served.ask("POST", path, json.dumps(body).encode(), known | headers)

    def native(self, key: str, value: str, **body: Any) -> Reply:
        return self.post("/v1/commands", {"key": key, "member": {"kind": "msisdn", "value": value}} | body)

    def read(self, path: str) -> Reply:
        headers = {"API-Key": "demo-qoin", "ClientId": "all", "authToken": "demo-qoin", "deviceUniqueId": "d"}
        return self.served.ask("GET", path, headers=headers)

    def history(self, kind: str, value: str) -> int:
        return len(self.read(f"/v1/members/{kind}/{quote(value)}").json["history"])


@pytest.fixture(scope="module")
def stage(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    database = postgres.create()
    directory = tmp_path_factory.mktemp("spelt")
    programme = directory / "programme.yaml"
    programme.write_text(PROGRAMME, encoding="utf-8")
    with serving(directory, "--database-url", database.owner_url, "--lanes", "1", programme=programme) as served:
        yield Stage(served, database)
    postgres.drop(database)


def test_member_cannot_refer_themselves_by_another_spelling(stage: Stage) -> None:
    referral = {"type": "referral", "referrer": {"kind": "msisdn", "value": ABROAD}}
    answer = stage.native("self", LOCAL, facts=[referral])
    assert answer.status == 200, answer.body
    assert "self_referral" in answer.body.decode(), answer.body


def test_retry_in_another_spelling_is_the_first_answer_and_one_member(stage: Stage) -> None:
    buy = {"facts": [{"type": "purchase", "amount": "1000"}]}
    first, again = stage.native("twice", "0813 1111 1111", **buy), stage.native("twice", "+6281311111111", **buy)
    assert (first.status, again.status) == (200, 200), again.body
    assert first.json["ticket"] == again.json["ticket"]
    assert stage.history("msisdn", "(0813) 1111-1111") == 1


def test_transfer_to_oneself_and_merge_with_oneself_are_seen_through(stage: Stage) -> None:
    stage.native("grant", LOCAL, move={"type": "grant", "asset": "PTS", "amount": 100})
    to = {"kind": "msisdn", "value": ABROAD}
    sent = stage.native("send", LOCAL, move={"type": "transfer", "asset": "PTS", "amount": 5, "to": to})
    assert "self_transfer" in sent.body.decode()
    merged = stage.native("merge", LOCAL, move={"type": "merge", "into": to})
    assert "self_merge" in merged.body.decode()


def test_path_profile_and_statement_take_every_spelling(stage: Stage) -> None:
    stage.native("seen", LOCAL, facts=[{"type": "check_in"}])
    path = f"/v1/members/msisdn/{quote(ABROAD)}"
    assert stage.read(path).status == 200
    assert stage.read(f"{path}/statement").status == 200
    changed = stage.served.ask(
        "PATCH", f"{path}/profile", b'{"birthday": "12-25"}', {"API-Key": "demo-qoin", "Prefer": "wait=10"}
    )
    assert changed.status == 200, changed.body
    assert stage.read(f"/v1/members/msisdn/{LOCAL}").json["member"]["profile"]["birthday"] == "12-25"


def test_both_qoin_dialects_name_one_member(stage: Stage) -> None:
    data = {"userId": LOCAL, "userIdShare": ABROAD, "data": [{"trxDate": ""}]}
    referral = stage.served.requestin(task("registerreferral", data))
    assert referral.status == 200, referral.body
    pay = {"userId": ABROAD, "data": [{"trxAmount": 1000, "trxDate": ""}]}
    assert stage.served.requestin(task("transaction", pay)).status == 200
    sent = request("qoin_processor", "transactionreferral")
    sent["Data"] |= {"id_user_receive": LOCAL, "id_user_share": ABROAD}
    processed = stage.served.requestin(sent)
    assert processed.status == 200, processed.body
    path = f"/v1/members/qoin.user_id/{quote(ABROAD)}"
    until(
        lambda: len(stage.read(path).json.get("history", ())) >= 3, within_s=20
    )  # Qoin's answers do not wait for posting
    page = stage.read(path).json
    assert page["member"]["referrer"] is None
    assert len(page["history"]) == 3


def test_goodie_and_dsquares_name_one_member(stage: Stage) -> None:
    for number, value in enumerate((LOCAL, ABROAD)):
        payment = {"productCode": "", "totalTrxAmount": "1000", "refNumber": f"R{number}"}
        posting = {"memberId": value, "merchantId": "M1", "storeId": "", "basic": payment}
        answer = stage.post("/api-rest/promotion/posting", posting, deviceUniqueId="d")
        assert answer.status == 200, answer.body
    assert stage.history("goodie.member_id", LOCAL) == 2
    assert stage.read(f"/api-rest/member/points?memberId={quote(ABROAD)}&merchantId=M1").status == 200
    for number, value in enumerate((LOCAL, ABROAD)):
        wallet = {"WalletCode": value, "ContactMsisdn": "c", "BranchMsisdn": "0100", "PointsValue": 100}
        rewarded = stage.post("/api/Integration/v1/Reward", wallet | {"ExternalLogId": f"L{number}"})
        assert rewarded.json["errorCode"] == "0", rewarded.body
    history = stage.read(f"/v1/members/wallet_code/{LOCAL}").json["history"]
    assert [each["action"] for each in history].count("reward") == 2


def test_command_line_takes_every_spelling(stage: Stage) -> None:
    stage.native("cli", LOCAL, facts=[{"type": "check_in"}])
    words = [sys.executable, "-m", "accrual", "member", "msisdn", ABROAD, "--json"]
    environment = os.environ | {"ACCRUAL_DATABASE_URL": stage.database.owner_url}
    shown = subprocess.run(words, capture_output=True, timeout=60, check=False, env=environment)
    assert shown.returncode == 0, shown.stderr
    assert [each["value"] for each in json.loads(shown.stdout)["member"]["identities"]] == [PHONE]


def test_invisible_letter_is_refused_with_its_place(stage: Stage) -> None:
    answer = stage.native("bom", "\ufeff62811", facts=[{"type": "check_in"}])
    assert answer.status == 400
    assert "invalid_identity" in answer.body.decode()
    assert "U+FEFF" in answer.body.decode()
