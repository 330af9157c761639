"""The only way out of a command: text, JSON, tables and CSV whose values cannot act on a terminal or in a spreadsheet."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

WIDTH_MIN = 100
"""A pipe or a narrow window gets lines of at least this width, so that identifiers stay in one piece."""

_ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and newline: colours, titles, moved cursors, the clipboard
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff"  # invisible, or turning the direction of writing
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def visible(text: str) -> str:
    """The text with every character that a terminal obeys, or hides, written as its escape; tabs and newlines stay."""
    return _ACTIVE.sub(_escaped, text) if _ACTIVE.search(text) else text


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"


def echo(text: str = "", *, err: bool = False, colour: str | None = None, newline: bool = True) -> None:
    """A line of plain text on standard output, or on the error stream; `colour` is one of typer's."""
    typer.secho(visible(text), err=err, fg=colour, nl=newline)


def echo_json(value: Any, *, indent: int | None = None) -> None:
    """A line of JSON: letters as they are, controls and invisible characters as escapes that JSON readers undo."""
    typer.echo(_ACTIVE.sub(_json_escaped, json.dumps(value, ensure_ascii=False, default=str, indent=indent)))


def _json_escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if found[0] > "\x7f" else f"\\u{ord(found[0]):04x}"


class SafeConsole(Console):
    """A rich console that writes the values it is given visibly; its own colours and borders stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments whose text is visible; what rich itself sends to steer the terminal is left alone."""
        for segment in super().render(renderable, options):
            if segment.control or not _ACTIVE.search(segment.text):
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)


def open_console() -> Console:
    """The terminal, with values left as they are: no markup, no highlighting, no escape that acts."""
    console = SafeConsole(markup=False, highlight=False, emoji=False)
    if not console.is_terminal or console.width < WIDTH_MIN:
        console = SafeConsole(markup=False, highlight=False, emoji=False, width=max(console.width, WIDTH_MIN))
    return console


def error_console() -> Console:
    """The error stream, for progress that is drawn over itself."""
    return SafeConsole(stderr=True, markup=False, highlight=False, emoji=False)


class CsvExport:
    """Rows of comma-separated values; text that a spreadsheet would take for a formula gets an apostrophe in front."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._writer = csv.writer(sys.stdout if stream is None else stream, lineterminator="\n")

    def write_row(self, cells: Iterable[str | int | None]) -> None:
        """One row. Numbers are written as they are, None as an empty cell."""
        self._writer.writerow([cell_text(cell) if isinstance(cell, str) else cell for cell in cells])


def cell_text(text: str) -> str:
    """Text as a cell: controls visible, and never the beginning of a formula."""
    cell = visible(text)
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
