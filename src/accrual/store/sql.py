"""Finds the named queries of `queries/*.sql` once, at import; no query text is built or written here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

_SUFFIX = ".sql"


def _each(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _each(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            name = prefix + entry.name.removesuffix(_SUFFIX)
            purpose, _, statement = entry.read_text(encoding="utf-8").partition("\n")
            if not purpose.startswith("-- ") or not statement.strip():
                raise ValueError(f"queries/{name}.sql needs `-- its purpose` in line 1 and a statement after it")
            # The name leads the statement, so that a server's activity and log name the query.
            yield name, f"/* {name} */ {statement.strip().removesuffix(';')}"


QUERIES: Mapping[str, str] = MappingProxyType(dict(_each(files("accrual.store") / "queries")))
"""Every named query by its file's name without `.sql` (in a sub-folder: `folder/name`)."""


def query(name: str) -> str:
    """The text of `queries/<name>.sql`; raises KeyError when there is no such file, so call it at import."""
    return QUERIES[name]
