"""Programme files: every error with its line, column and path, and nothing that can hurt the reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from accrual.domain.programme import Catalogue, Programme, StoredAsset
from accrual.domain.promos import PromoVersion
from accrual.engine.client_keys import digest_keys
from accrual.engine.marked_yaml import CHARACTERS_MAX, DEPTH_MAX
from accrual.engine.programme_file import ProgrammeInvalid, read_programme
from accrual.rules.compile import compile_programme

GOOD = """\
programme: {code: demo, time_zone: Asia/Jakarta, currency: IDR}
assets:
  - {code: PTS, number: 35}
outlets:
  - {code: O1}
clients:
  - {code: shop, key_env: SHOP_KEY, rights: [submit]}
promos:
  - code: P
    trigger: purchase
    where: {outlets: [O1], products: [10, T30H]}
    window: {from: 2026-11-25T00:00, until: 2026-12-01T00:00}
    benefits:
      - {asset: PTS, points_per: {every: 1000 IDR}, expires: P12M}
    limits:
      - {count: 1, every: day}
"""
KEY_1024 = """\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7vbqajDw4o6gJy8UtmIbkcpnk
O3Kwc4qsEnSZp/TR+fQi62F79RHWmwKOtFmwteURgLbj7D/WGuNLGOfa/2vse3G2
eHnHl5CB8ruRX9fBl/KgwCVr2JaEuUm66bBQeP5XeBotdR4cvX38uPYivCDdPjJ1
QWPdspTBKcxeFbccDwIDAQAB
-----END PUBLIC KEY-----
"""


def errors(text: str) -> list[str]:
    with pytest.raises(ProgrammeInvalid) as invalid:
        read_programme(text, "p.yaml")
    return invalid.value.message.splitlines()


def compiles(document: Programme) -> None:
    compile_programme(
        Catalogue(
            programme_id=1,
            revision=1,
            settings=document.programme,
            assets=tuple(StoredAsset(asset_id=i, asset=asset) for i, asset in enumerate(document.assets, 1)),
            outlets=document.outlets,
            promos=tuple(
                PromoVersion(promo_version_id=i, promo_id=i, version=1, revision=1, effective_from=None, promo=promo)
                for i, promo in enumerate(document.promos, 1)
            ),
        )
    )


def test_good_file_is_read_and_compiles() -> None:
    document = read_programme(GOOD, "p.yaml").programme
    assert document.promos[0].where.products == ("10", "T30H")
    assert document.assets[0].number == 35
    compiles(document)


@pytest.mark.parametrize("path", ["examples/seeds/programme.yaml", "src/accrual/cli/starter.yaml"])
def test_file_that_is_shipped_is_good_and_compiles(path: str) -> None:
    compiles(read_programme(Path(path).read_text(encoding="utf-8"), path).programme)


def test_json_is_read_like_yaml_with_places() -> None:
    document = read_programme(GOOD, "p.yaml").programme
    as_json = json.dumps(
        {
            "programme": {
                "code": "demo",
                "time_zone": "Asia/Jakarta",
                "currency": "IDR",
                "name": "Caf\u00e9 \U0001f600",
            },
            "assets": [{"code": "PTS", "number": 35}],
            "promos": [{"code": "P", "trigger": "purchase", "benefits": [{"asset": "PTS", "fixed": 1}]}],
        },
        indent="\t",
    )
    read = read_programme(as_json, "p.json").programme
    assert read.assets == document.assets
    assert read.programme.name == "Caf\u00e9 \U0001f600"
    (said,) = errors(as_json.replace('"asset": "PTS"', '"asset": "PTZ"'))
    assert said.startswith("p.yaml:20:") and "promos[0].benefits[0].asset: unknown asset 'PTZ'" in said


def test_every_error_is_told_at_once_with_line_column_and_path() -> None:
    text = GOOD.replace("asset: PTS", "asset: PTZ").replace("O1], products", "O9], products").replace("count: 1, ", "")
    assert errors(text) == [
        "p.yaml:11:23 promos[0].where.outlets[0]: unknown outlet 'O9'; did you mean 'O1'?",
        "p.yaml:14:17 promos[0].benefits[0].asset: unknown asset 'PTZ'; did you mean 'PTS'?",
        "p.yaml:16:9 promos[0].limits[0]: exactly one of count and amount is needed",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "trigger: purchase",
            "trigger: purchse",
            "p.yaml:10:14 promos[0].trigger: 'purchse' is not known here; did you mean 'purchase'?",
        ),
        ("trigger: purchase", "triger: purchase", "promos[0].triger: unknown field 'triger'; did you mean 'trigger'?"),
        ("{code: PTS, number: 35}", "{code: a b}", "assets[0].code: text of the form ^"),
        ("points_per: {every: 1000 IDR}", "fixed: 0", "benefits[0].fixed: a whole number >= 1 is expected"),
        ("{code: PTS, number: 35}", '{code: "PTS\\n"}', "assets[0].code: text of the form ^"),
        ("currency: IDR", 'currency: "IDR\\n"', "programme.currency: text of the form ^"),
        ("number: 35", "number: many", "assets[0].number: a whole number is expected"),
        ("number: 35", "number: ３５", "assets[0].number: a whole number is expected"),
        ("number: 35", "number: 1" + "0" * 5000, "assets[0].number"),
        ("    trigger: purchase\n", "", "the field trigger is missing"),
        ("points_per: {every: 1000 IDR}", "fixed: 1, percent: 5", "not fixed and percent"),
        ("points_per: {every: 1000 IDR}, ", "", "not none"),
        ("every: 1000 IDR", "every: 1000 USD", "points_per.every: The currency is USD, the programme's is IDR."),
        ("every: 1000 IDR", "every: 0 IDR", "points_per.every: must be above zero"),
        ("points_per: {every: 1000 IDR}", "percent: 1e3", "benefits[0].percent: The amount is not a plain decimal"),
        ("expires: P12M", "expires: 12 months", "benefits[0].expires: '12 months' is not a duration"),
        ("expires: P12M", "expires: P99999Y", "benefits[0].expires"),
        ("expires: P12M", "active_after: soon", "benefits[0].active_after"),
        ("asset: PTS,", "asset: PTS, to: referrer,", "only referral and referral_purchase have a referrer"),
        ("until: 2026-12-01T00:00", "until: 2026-11-01T00:00", "window.until: the window ends before it begins"),
        ("until: 2026-12-01T00:00", "until: tomorrow", "window.until: 'tomorrow' is not a date and time"),
        ("until: 2026-12-01T00:00", "until: 9999-12-31T23:59-14:00", "window.until"),
        ("time_zone: Asia/Jakarta", "time_zone: Asia/Jakrta", "did you mean 'Asia/Jakarta'?"),
        ("time_zone: Asia/Jakarta", "time_zone: ../../etc/passwd", "programme.time_zone: unknown time zone"),
        ("currency: IDR", "currency: rupiah", "programme.currency"),
        ("currency: IDR", "currency: IDR, late_limit: ever", "programme.late_limit: 'ever' is not a duration"),
        ("{code: O1}", "{code: O1}\n  - {code: O1}", "outlets[1].code: 'O1' is already the code of outlets[0]"),
        ("{code: O1}", "{code: O1, aliases: {shp: [x]}}", "unknown client 'shp'; did you mean 'shop'?"),
        ("rights: [submit]", "rights: [submitt]", "unknown right 'submitt'; did you mean 'submit'?"),
        ("key_env: SHOP_KEY", "key: secret", "clients[0].key: a plain key is only for a programme with demo: true"),
        ("key_env: SHOP_KEY", "name: Shop", "exactly one of key_sha256 and key_env"),
        ("key_env: SHOP_KEY", "key_env: A, key_sha256: " + "0" * 64, "not key_sha256 and key_env"),
        ("key_env: SHOP_KEY", "key_sha256: abc", "clients[0].key_sha256"),
        ("key_env: SHOP_KEY", "key_env: SHOP_KEY, open: true", "clients[0].open: a client without a key is only for a"),
        ("key_env: SHOP_KEY", "key_env: SHOP_KEY, asset: PST", "clients[0].asset: unknown asset 'PST'"),
        ("rights: [submit]", "default_outlet: O3", "clients[0].default_outlet: unknown outlet 'O3'"),
        ("rights: [submit]", "signature: {policy: enforce}", "policy enforce needs public_keys"),
        ("rights: [submit]", "signature: {public_keys: [x]}", "public_keys[0]: is not a public key in PEM"),
        (
            "- {count: 1, every: day}",
            "- {count: 1}\n      - {count: 2}",
            "limits[1]: a second limit of count every ever",
        ),
        ("assets:\n", "asets: []\nassets:\n", "2:1 asets: unknown section 'asets'; did you mean 'assets'?"),
        ("outlets:\n  - {code: O1}", "outlets: O1", "outlets: a list is expected"),
        ("number: 35", 'name: "a\\0b"', "control characters are not allowed"),
    ],
)
def test_error_names_the_path_and_says_what_is_wrong(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert any(expected in line for line in errors(GOOD.replace(old, new, 1))), errors(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a programme file has the sections"),
        ("[]", "a programme file has the sections"),
        ("a: [", "p.yaml:1:"),
        ("a: 1\na: 2", "p.yaml:2:1 key 'a' stands a second time, first in line 1"),
        ('{"a": 1, "a": 2}', "key 'a' stands a second time"),
        ("a: !!python/object/apply:os.system [ls]", "tags such as"),
        ("a: !mine 1", "tags such as !mine are not allowed"),
        ("--- {}\n--- {}", "a second document"),
        ("a: *b", "alias *b stands before its anchor"),
        ("a: &a [*a]", "alias *a stands before its anchor"),
        ("? [1]\n: 2", "a key must be plain text"),
        ("[" * (DEPTH_MAX + 2) + "]" * (DEPTH_MAX + 2), "nested deeper"),
        ("[" * 100_000, "nested deeper"),
        ("a: \x07", "is not allowed"),
        ("a: b\n\tc: d", "p.yaml:2:"),
        ("x" * (CHARACTERS_MAX + 1), "longer than"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_text_that_cannot_be_taken_is_refused_with_its_place(text: str, expected: str) -> None:
    assert any(expected in line for line in errors(text)), errors(text)


def test_aliases_that_grow_without_bound_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "aliases written out" in errors("\n".join(lines))[0]


def test_alias_stands_for_what_it_names() -> None:
    text = GOOD.replace("where: {outlets: [O1], products: [10, T30H]}", "where: &here {outlets: [O1]}")
    text += "  - {code: Q, trigger: purchase, where: *here, benefits: [{asset: PTS, fixed: 1}]}\n"
    assert read_programme(text, "p.yaml").programme.promos[1].where.outlets == ("O1",)


def test_old_short_key_needs_leave() -> None:
    pem = json.dumps(KEY_1024)
    with_key = GOOD.replace("rights: [submit]", f"signature: {{policy: warn, public_keys: [{pem}]}}")
    assert "has 1024 bits, 2048 are needed; allow_1024" in errors(with_key)[0]
    allowed = with_key.replace("policy: warn", "policy: warn, allow_1024: true")
    assert read_programme(allowed, "p.yaml").programme.clients[0].signature.allow_1024


def test_many_errors_are_cut_with_their_number() -> None:
    text = GOOD + "".join(f"  - {{code: Q{n}, trigger: x, benefits: []}}\n" for n in range(60))
    said = errors(text)
    assert len(said) == 51
    assert said[-1] == "... and 10 more"


def test_unset_variable_and_equal_keys_are_told_with_the_client() -> None:
    text = GOOD.replace("  - {code: shop,", "  - {code: till, key_env: SHOP_KEY}\n  - {code: shop,")
    document = read_programme(text, "p.yaml").programme
    _, unset = digest_keys(document, {})
    assert [problem.path for problem in unset] == ["clients[0].key_env", "clients[1].key_env"]
    _, equal = digest_keys(document, {"SHOP_KEY": "k"})
    assert [problem.message for problem in equal] == ["has the same key as client 'till'; each client needs its own"]


def test_demo_may_have_one_open_client() -> None:
    demo = GOOD.replace("programme: {", "programme: {demo: true, ", 1).replace("rights: [submit]", "open: true", 1)
    assert read_programme(demo, "p.yaml").programme.clients[0].open
    two = demo.replace("  - {code: shop,", "  - {code: till, key: k, open: true}\n  - {code: shop,", 1)
    with pytest.raises(ProgrammeInvalid) as caught:
        read_programme(two, "p.yaml")
    assert "clients[1].open: clients[0] is open already, and only one can be" in caught.value.message
