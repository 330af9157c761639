"""The page of decline codes, made from the tables of words. Nothing is decided here."""

from __future__ import annotations

from accrual.domain.programme import Language
from accrual.rules.explain import BY_EITHER, BY_PROGRAMME
from accrual.rules.words import TABLES


def reference_page() -> str:
    """The page `docs/reference/declines.md`."""
    english, indonesian = TABLES[Language.EN], TABLES[Language.ID]
    codes = sorted(key.removeprefix("means.") for key in english if key.startswith("means."))
    rows = [
        f"| `{code}` | {_by(code)} | {english[f'means.{code}']} | {indonesian[f'means.{code}']} |" for code in codes
    ]
    return "\n".join(
        [
            "# Why not: the decline codes",
            "",
            "Generated from `words_en.py`, `words_id.py` and their companions for movements in `src/accrual/rules`; a test holds",
            "them together.",
            "",
            "A decline is no error. The call was accepted and has its ticket; this is what it did not earn or move, and why.",
            "`accrual explain TICKET` says each of them with its values, in the programme's `language` or with `--lang en`",
            "or `--lang id`. Codes are stable; words may change.",
            "",
            "| code | declined by | what it means | artinya |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _by(code: str) -> str:
    if code in BY_EITHER:
        return "both"
    return "programme" if code in BY_PROGRAMME else "promo"
