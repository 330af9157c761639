"""Every decline and award is said in words with its values, and the page of codes is the code's own table."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

import msgspec
import pytest

from accrual.domain.facts import Trigger
from accrual.domain.outcomes import Award, Declined
from accrual.domain.programme import Asset, Language, Settings
from accrual.domain.promos import (
    Audience,
    Band,
    Benefit,
    Issuing,
    Multiplier,
    PointsPer,
    Promo,
    PromoVersion,
    Scope,
    Voucher,
    WeekDay,
    Window,
)
from accrual.rules.benefits import KINDS
from accrual.rules.explain import BY_PROGRAMME, explain_decline
from accrual.rules.explain_award import explain_award
from accrual.rules.explain_page import reference_page
from accrual.rules.words import TABLES, enumerate_words, money
from tests.arch.tree import PACKAGE, ROOT

SETTINGS = Settings(code="P", currency="IDR", minor_units=2, time_zone="Asia/Jakarta")
PTS = Asset(code="PTS", name="Point Reddem", number=35)


def _version(**changes: Any) -> PromoVersion:
    values: dict[str, Any] = {
        "code": "PAYDAY",
        "trigger": Trigger.PURCHASE,
        "benefits": (Benefit(asset="PTS", points_per=PointsPer(every="1000 IDR", give=2)),),
    }
    promo = Promo(**{**values, **changes})
    return PromoVersion(promo_version_id=7, promo_id=3, version=2, revision=1, effective_from=None, promo=promo)


DECLINING = ("Declined", "_decline", "_once", "Verdict", "refuse")
"""Calls that take the code of a decline among their arguments."""

ANSWERING = ("why", "_why_not", "_audience", "closed_by", "claim", "accept", "bought", "count")
"""Functions that answer with the code of a decline, alone or before its values."""


def _codes_in(node: ast.AST) -> list[ast.expr | None]:
    """The expressions of a node that are codes of declines where they are text."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args) if name in DECLINING:
            return list(args)
        case ast.keyword(arg="reason", value=value):
            return [value]
        case ast.Assign(targets=[ast.Name(id="reason")], value=value):
            return [value]
        case ast.FunctionDef(name=name) if name in ANSWERING:
            returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return)]
            return [value.elts[0] if isinstance(value, ast.Tuple) else value for value in returned]
        case _:
            return []


def _codes_in_the_code() -> set[str]:
    found = set()
    engine = PACKAGE / "engine"
    deciding = [
        *engine.glob("process*.py"),
        engine / "moving.py",
        engine / "linking.py",
        engine / "clearing.py",
        *(engine / "moves").glob("*.py"),
    ]
    for path in [*(PACKAGE / "rules").glob("*.py"), *deciding]:
        if path.name == "explain.py":
            continue  # it answers with variants of words, not with codes
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for each in _codes_in(node):
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value:
                    found.add(each.value)
    return found


def _keys(language: Language, prefix: str) -> set[str]:
    return {key.removeprefix(prefix).split(".")[0] for key in TABLES[language] if key.startswith(prefix)}


@pytest.mark.parametrize("language", Language)
def test_each_language_has_exactly_the_codes_that_the_rules_can_produce(language: Language) -> None:
    assert _keys(language, "decline.") == _codes_in_the_code()
    assert _keys(language, "means.") == _codes_in_the_code()
    assert _codes_in_the_code() >= BY_PROGRAMME


@pytest.mark.parametrize("language", Language)
def test_each_language_tells_every_kind_of_benefit(language: Language) -> None:
    assert _keys(language, "award.") == {*KINDS, "otherwise"}


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """Keys that are not in both, or whose words have other places for values."""

    def places(words: str | None) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(words or "") if name is not None}

    return {
        key
        for key in one.keys() | other.keys()
        if (key in one) != (key in other) or places(one.get(key)) != places(other.get(key))
    }


def test_both_languages_have_the_same_keys_with_the_same_places_for_values() -> None:
    assert _differing(TABLES[Language.EN], TABLES[Language.ID]) == set()


def test_differing_tables_are_seen() -> None:
    assert _differing({"a": "{x}", "b": "{y}", "c": "z"}, {"a": "{x} {x}", "b": "{z}"}) == {"b", "c"}


def test_nothing_was_left_untranslated() -> None:
    english, indonesian = TABLES[Language.EN], TABLES[Language.ID]
    same = {key for key, words in english.items() if indonesian[key] == words}
    assert same <= {"award.otherwise", "award.percent.of", "part.fact_line"}


def test_page_of_decline_codes_is_in_step() -> None:
    page = (ROOT / "docs" / "reference" / "declines.md").read_text(encoding="utf-8")
    assert page == reference_page(), "write rules.explain_page.reference_page() to docs/reference/declines.md"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("code", sorted(_codes_in_the_code()))
def test_every_code_is_said_with_and_without_values(code: str, language: Language) -> None:
    for version in (None, _version()):
        text = explain_decline(Declined(7, code), version, SETTINGS, language)
        assert re.fullmatch(r"[A-Z].{10,}\.", text), text
        assert "None" not in text


LIMIT = {"limit": 1, "used": 1, "every": "day", "by": "count", "per": "member"}
BUDGET = {"limit": 1000, "left": 3, "per": "promo", "every": "ever", "by": "amount", "wanted": 5}
WHEN = {"at": "Fri 2026-11-27 23:10", "zone": "Asia/Jakarta"}


@pytest.mark.parametrize(
    ("code", "details", "changes", "english", "indonesian"),
    [
        (
            "limit_reached",
            LIMIT,
            {},
            "The limit is 1 award a member each day, and 1 are used.",
            "Batasnya 1 pemberian per member setiap hari, dan 1 sudah terpakai.",
        ),
        (
            "limit_reached",
            {"limit": 5000, "used": 4990, "every": "month", "by": "amount", "per": "member", "wanted": 70},
            {},
            "The limit is 5,000 units a member each month, and 4,990 are used; 70 were wanted.",
            "Batasnya 5.000 unit per member setiap bulan, dan 4.990 sudah terpakai; yang dibutuhkan 70.",
        ),
        (
            "limit_reached",
            {"limit": 20, "left": 0, "every": "week", "by": "count", "per": "outlet"},
            {},
            "The limit is 20 awards an outlet each week, and 0 are left.",
            "Batasnya 20 pemberian per outlet setiap minggu, dan tersisa 0.",
        ),
        (
            "budget_exhausted",
            BUDGET,
            {},
            "The promo's budget is 1,000 units, and 3 are left; 5 were wanted.",
            "Anggaran promo 1.000 unit, dan tersisa 3; yang dibutuhkan 5.",
        ),
        (
            "wrong_hour",
            WHEN,
            {"window": Window(hours=("10:00-12:00", "20:00-22:00"))},
            "The promo runs at 10:00-12:00 or 20:00-22:00; it was Friday 2026-11-27 23:10 (Asia/Jakarta).",
            "Promo berlaku pukul 10:00-12:00 atau 20:00-22:00; kejadiannya Jumat 2026-11-27 23:10 (Asia/Jakarta).",
        ),
        (
            "wrong_day",
            WHEN,
            {"window": Window(days=(WeekDay.MON,))},
            "The promo runs on Monday; it was Friday 2026-11-27 23:10 (Asia/Jakarta).",
            "Promo berlaku pada hari Senin; kejadiannya Jumat 2026-11-27 23:10 (Asia/Jakarta).",
        ),
        (
            "wrong_date",
            WHEN,
            {"window": Window(dates=("25", "last", "12-24", "birthday"))},
            "The promo runs on day 25 of the month, the last day of the month, 12-24 or the member's birthday; "
            "it was Friday 2026-11-27 23:10 (Asia/Jakarta).",
            "Promo berlaku pada tanggal 25 setiap bulan, hari terakhir setiap bulan, 12-24 atau hari ulang tahun member; "
            "kejadiannya Jumat 2026-11-27 23:10 (Asia/Jakarta).",
        ),
        (
            "not_in_audience",
            None,
            {"audience": Audience(lists=("VIP",), segments=("gold",))},
            "The promo is for list VIP and segment gold, and the member is in none of them.",
            "Promo ini untuk daftar VIP dan segmen gold, dan member tidak termasuk satu pun.",
        ),
        (
            "held_out",
            None,
            {"audience": Audience(holdout="10")},
            "The member belongs to the promo's control group, 10 % of the audience, and gets nothing, so that its effect "
            "can be measured.",
            "Member termasuk kelompok kontrol promo, 10 % dari sasaran, dan tidak mendapat apa-apa, agar dampak promo dapat "
            "diukur.",
        ),
        (
            "outranked",
            {"by": "GOLD"},
            {},
            "GOLD comes first in the same lane, gave, and stands alone in it.",
            "GOLD mendapat giliran lebih dulu di jalur yang sama, sudah memberi, dan berlaku sendirian.",
        ),
        (
            "capped",
            {"ceiling": 500, "by": "CAP", "wanted": 20},
            {},
            "CAP caps the whole command at 500 units, and nothing is left of them; 20 were wanted.",
            "CAP membatasi seluruh perintah pada 500 unit, dan tidak ada sisanya; yang dibutuhkan 20.",
        ),
        (
            "condition_false",
            {"part": 'member.tier == "gold"', "values": {"member.tier": None, "purchase.amount": "5.00 IDR"}},
            {},
            'The condition `member.tier == "gold"` does not hold: member.tier is absent, purchase.amount is 5.00 IDR.',
            'Syarat `member.tier == "gold"` tidak terpenuhi: member.tier tidak ada, purchase.amount adalah 5.00 IDR.',
        ),
        (
            "condition_false",
            {"part": "false", "values": {}},
            {},
            "The condition `false` does not hold.",
            "Syarat `false` tidak terpenuhi.",
        ),
        (
            "condition_failed",
            {"part": "a > b", "values": {"a": "1"}, "error": "b has no value."},
            {},
            "The condition `a > b` could not be judged (a is 1): b has no value.",
            "Syarat `a > b` tidak dapat dinilai (a adalah 1): b has no value.",
        ),
        (
            "amount_too_small",
            {"basis": 99_950},
            {},
            "999.50 IDR is too small to give anything.",
            "999,50 IDR terlalu kecil untuk mendapatkan sesuatu.",
        ),
        (
            "amount_too_small",
            {"basis": 0},
            {"benefits": (Benefit(asset="PTS", multiplier=Multiplier(times="2")),)},
            "There is nothing to multiply: the command was given 0 units so far.",
            "Tidak ada yang dapat dikalikan: sejauh ini perintah mendapat 0 unit.",
        ),
        (
            "amount_too_small",
            {"basis": 0},
            {"benefits": (Benefit(asset="PTS", issuing=Issuing(rules={"REVIEW": 5})),)},
            "None of the rules that the promo issues for was asked for.",
            "Tidak satu pun aturan yang dilayani promo ini diminta.",
        ),
        (
            "not_started",
            None,
            {"window": Window(from_="2026-11-25T00:00")},
            "The promo starts at 2026-11-25 00:00 (Asia/Jakarta).",
            "Promo dimulai pada 2026-11-25 00:00 (Asia/Jakarta).",
        ),
        (
            "window_closed",
            None,
            {"window": Window(until="2026-12-01T00:00", zone="UTC")},
            "The promo ended at 2026-12-01 00:00 (UTC).",
            "Promo berakhir pada 2026-12-01 00:00 (UTC).",
        ),
        (
            "insufficient_points",
            {"available": 1200, "wanted": 5000, "held": 0},
            {},
            "The member has 1,200 units to spend, and 5,000 are wanted.",
            "Member punya 1.200 unit yang dapat dipakai, dan yang diminta 5.000.",
        ),
        (
            "asset_unknown",
            {"asset": "MILES"},
            {},
            "The programme has no asset MILES.",
            "Program tidak punya aset MILES.",
        ),
    ],
)
def test_decline_is_said_with_its_values(
    code: str, details: dict[str, Any] | None, changes: dict[str, Any], english: str, indonesian: str
) -> None:
    declined, version = Declined(7, code, details), _version(**changes)
    assert explain_decline(declined, version, SETTINGS) == english
    assert explain_decline(declined, version, SETTINGS, Language.ID) == indonesian


def test_programme_chooses_the_language() -> None:
    settings = msgspec.structs.replace(SETTINGS, language=Language.ID)
    assert explain_decline(Declined(7, "promo_paused"), _version(), settings) == "Promo sedang dihentikan sementara."


def test_code_of_another_release_is_still_said() -> None:
    strange = Declined(7, "moon_full", {"phase": 3})
    assert explain_decline(strange, None, SETTINGS) == "Declined: moon full (phase 3)."
    assert explain_decline(strange, None, SETTINGS, Language.ID) == "Tidak diberikan: moon full (phase 3)."


POINTS = Benefit(asset="PTS", points_per=PointsPer(every="1000 IDR", give=2))
BANDS = Benefit(asset="PTS", bracket=(Band(from_="0 IDR", give=1), Band(from_="5000 IDR", percent="10")))


@pytest.mark.parametrize(
    ("award", "benefit", "english", "indonesian"),
    [
        (
            Award(7, 1, 12, "points_per", 684_350),
            POINTS,
            "12 PTS: 2 for each 1000 IDR of 6,843.50 IDR.",
            "12 PTS: 2 untuk setiap 1000 IDR dari 6.843,50 IDR.",
        ),
        (
            Award(7, 1, 25, "percent", 100_000),
            Benefit(asset="PTS", percent="2.5"),
            "25 PTS: 2.5 % of 1,000.00 IDR.",
            "25 PTS: 2.5 % dari 1.000,00 IDR.",
        ),
        (Award(7, 1, 1, "fixed", 1), Benefit(asset="PTS", fixed=1), "1 PTS: a fixed amount.", "1 PTS: jumlah tetap."),
        (
            Award(7, 1, 1, "fixed", 4),
            Benefit(asset="PTS", fixed=1),
            "1 PTS: a fixed amount for 4 facts.",
            "1 PTS: jumlah tetap untuk 4 kejadian.",
        ),
        (
            Award(7, 1, 50, "issuing", 2),
            Benefit(asset="PTS", issuing=Issuing(rules={"REVIEW": 25})),
            "50 PTS: for 2 of the promo's rules asked for.",
            "50 PTS: untuk 2 aturan promo yang diminta.",
        ),
        (
            Award(7, 1, 10, "multiplier", 5),
            Benefit(asset="PTS", multiplier=Multiplier(times="3")),
            "10 PTS: 3 times the 5 of the base lane, less those themselves.",
            "10 PTS: 3 kali 5 dari jalur base, dikurangi 5 itu sendiri.",
        ),
        (
            Award(7, 1, 10, "multiplier", 5),
            Benefit(asset="PTS", multiplier=Multiplier(times="3", of=Scope.ALL)),
            "10 PTS: 3 times the 5 given so far, less those themselves.",
            "10 PTS: 3 kali 5 yang diberikan sejauh ini, dikurangi 5 itu sendiri.",
        ),
        (
            Award(7, 1, 1, "bracket", 499_999),
            BANDS,
            "1 PTS: for an amount of 4,999.99 IDR, the band from 0 IDR.",
            "1 PTS: untuk jumlah 4.999,99 IDR, golongan mulai 0 IDR.",
        ),
        (
            Award(7, 1, 500, "bracket", 500_000),
            BANDS,
            "500 PTS: 10 % of 5,000.00 IDR, the band from 5000 IDR.",
            "500 PTS: 10 % dari 5.000,00 IDR, golongan mulai 5000 IDR.",
        ),
        (
            Award(7, 1, 2, "voucher", 1, details={"codes": ["BD-1", "BD-2"]}),
            Benefit(asset="PTS", voucher=Voucher(prefix="BD-", count=2)),
            "2 PTS: with the code BD-1 and BD-2.",
            "2 PTS: dengan kode BD-1 dan BD-2.",
        ),
        (
            Award(
                7, 1, 10, "fixed", 1, details={"limit": 100, "used": 90, "every": "day", "by": "amount", "wanted": 50}
            ),
            Benefit(asset="PTS", fixed=50),
            "10 PTS: a fixed amount; 50 by the promo, reduced to what is left of 100 a member each day.",
            "10 PTS: jumlah tetap; menurut promo 50, dikurangi menjadi sisa dari 100 per member setiap hari.",
        ),
        (
            Award(7, 1, 3, "fixed", 1, details={**BUDGET}),
            Benefit(asset="PTS", fixed=5),
            "3 PTS: a fixed amount; 5 by the promo, reduced to what is left of its budget or cap of 1,000.",
            "3 PTS: jumlah tetap; menurut promo 5, dikurangi menjadi sisa anggaran atau batas promo sebesar 1.000.",
        ),
        (
            Award(7, 1, 3, "fixed", 1, details={"ceiling": 500, "by": "CAP", "wanted": 20}),
            Benefit(asset="PTS", fixed=20),
            "3 PTS: a fixed amount; 20 by the promo, reduced by CAP, which caps the whole command at 500.",
            "3 PTS: jumlah tetap; menurut promo 20, dikurangi oleh CAP, yang membatasi seluruh perintah pada 500.",
        ),
        (
            Award(7, 1, 5, "fixed", 1, shares=((0, 0, 3), (0, 2, 2))),
            Benefit(asset="PTS", fixed=5),
            "5 PTS: a fixed amount; attributed to line 1: 3 and line 3: 2.",
            "5 PTS: jumlah tetap; dibagi ke baris 1: 3 dan baris 3: 2.",
        ),
        (
            Award(7, 1, 5, "fixed", 2, shares=((0, 0, 3), (1, 0, 2))),
            Benefit(asset="PTS", fixed=5),
            "5 PTS: a fixed amount for 2 facts; attributed to fact 1, line 1: 3 and fact 2, line 1: 2.",
            "5 PTS: jumlah tetap untuk 2 kejadian; dibagi ke kejadian 1, baris 1: 3 dan kejadian 2, baris 1: 2.",
        ),
        (Award(7, 1, 3, "ladder_step"), Benefit(asset="PTS", fixed=1), "3 PTS: ladder step.", "3 PTS: ladder step."),
    ],
)
def test_award_is_said_with_how_it_came_about(award: Award, benefit: Benefit, english: str, indonesian: str) -> None:
    version = _version(benefits=(benefit,))
    assert explain_award(award, PTS, version, SETTINGS) == english
    assert explain_award(award, PTS, version, SETTINGS, Language.ID) == indonesian


def test_award_of_one_of_several_unlike_benefits_says_only_what_is_sure() -> None:
    version = _version(benefits=(POINTS, Benefit(asset="PTS", points_per=PointsPer(every="500 IDR"))))
    assert (
        explain_award(Award(7, 1, 3, "points_per", 300_000), PTS, version, SETTINGS) == "3 PTS: so many for each step."
    )


def test_many_lines_are_counted_instead_of_listed() -> None:
    award = Award(7, 1, 1200, "fixed", 1, shares=tuple((0, line, 1) for line in range(1200)))
    text = explain_award(award, PTS, _version(benefits=(Benefit(asset="PTS", fixed=1200),)), SETTINGS)
    assert text == "1,200 PTS: a fixed amount; attributed to 1,200 lines."


def test_money_has_the_decimals_of_its_currency() -> None:
    assert money(Language.EN, 5, SETTINGS) == "0.05 IDR"
    assert money(Language.EN, -123_456_789, SETTINGS) == "-1,234,567.89 IDR"
    assert money(Language.ID, -123_456_789, SETTINGS) == "-1.234.567,89 IDR"
    assert money(Language.EN, 1500, Settings(code="P", currency="JPY", minor_units=0)) == "1,500 JPY"


def test_enumeration_ends_with_a_word_of_the_language() -> None:
    assert [enumerate_words(Language.EN, words) for words in ([], ["a"], ["a", "b", "c"])] == ["", "a", "a, b or c"]
    assert enumerate_words(Language.ID, ["a", "b"], joined_by="and") == "a dan b"
