"""Compiled programmes, one a revision: what evaluation runs on. Compiled once when a revision is first asked for."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.programme import Catalogue
from accrual.engine.catalog import Catalog
from accrual.rules.compile import compile_programme
from accrual.rules.compiled import CompiledProgramme


class Programmes:
    """The newest compiled form of every programme of a Catalog."""

    def __init__(self, catalog: Catalog, *, change: Callable[[Catalogue], Catalogue] | None = None) -> None:
        """`change` is made to a catalogue before it is compiled."""
        self._catalog = catalog
        self._change = change
        self._compiled: dict[int, CompiledProgramme] = {}

    def of(self, programme_id: int) -> CompiledProgramme:
        """The newest revision, compiled. Raises Missing."""
        catalogue: Catalogue = self._catalog.newest(programme_id)
        known = self._compiled.get(programme_id)
        if known is None or known.revision != catalogue.revision:
            changed = catalogue if self._change is None else self._change(catalogue)
            known = self._compiled[programme_id] = compile_programme(changed)
        return known
