"""Values that members and partners choose cannot steer a terminal, hide in a line, or become a formula in a spreadsheet."""

from __future__ import annotations

import io
import json
import unicodedata

import pytest
from rich.table import Table
from rich.text import Text

from accrual.cli.output import CsvExport, SafeConsole, cell_text, echo, echo_json, visible

pytestmark = pytest.mark.security

EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b1mbold\r\x08\x7f\u202eevil\u2066x\u200bzero\ufeff\U000e0041"
HARMLESS = ("Siti Nurhaliza", "Jalan Merdeka 5", "naïve café", "日本語", "😀", "tab\there", "a-b", "x=1")
PRINTED_SIGNS = {0xAD, *range(0x600, 0x606), 0x61D, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x180E}
"""Format characters of scripts, which a terminal prints."""
FORMULAS = ("=1+1", "+62811", "-5 off", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "＋1", "－1", "＠x", "\x00=1\x00")


def _acts(text: str) -> list[str]:
    """The characters that a terminal obeys or does not show, tabs and newlines left out."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c not in "\t\n"]


def test_every_character_that_acts_is_made_visible() -> None:
    numbers = [number for number in (*range(0x3000), 0xFEFF, 0xFFF9, 0xE0001, 0xE0041) if number not in PRINTED_SIGNS]
    assert [hex(number) for number in numbers if _acts(visible(f"a{chr(number)}b"))] == []


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert visible(text) == text
    assert cell_text(text) == text


def test_console_shows_escapes_in_text_tables_and_titles() -> None:
    stream = io.StringIO()
    console = SafeConsole(file=stream, force_terminal=True, width=300, color_system="truecolor")
    table = Table(title=EVIL)
    table.add_column(EVIL)
    table.add_row(Text(EVIL, style="red"))
    for value in (EVIL, Text(EVIL), table):
        console.print(value, style="bold", markup=False, soft_wrap=True)
    shown = stream.getvalue()
    assert "\x1b[1" in shown, "the console's own colours stay"
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown
    assert "\\x1b]0;owned" in shown
    assert not [c for c in _acts(shown) if c != "\x1b"]


def test_plain_lines_and_errors_show_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    echo(EVIL)
    echo(EVIL, err=True)
    printed = capsys.readouterr()
    assert not _acts(printed.out + printed.err)


def test_json_holds_the_same_value_without_a_character_that_acts(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": EVIL, EVIL: ["日本語", EVIL]}
    echo_json(value)
    printed = capsys.readouterr().out
    assert not _acts(printed)
    assert json.loads(printed) == value


@pytest.mark.parametrize("text", FORMULAS)
def test_cell_never_begins_a_formula(text: str) -> None:
    stream = io.StringIO()
    CsvExport(stream).write_row([text, -5, None, "plain"])
    cell = stream.getvalue().strip("\n").removeprefix('"')
    assert cell.startswith(("'", "\\x")), cell
    assert stream.getvalue().rstrip("\n").endswith(",-5,,plain")
