"""Compiled programmes, one a revision: what evaluation runs on. Compiled once when a revision is first asked for."""

from __future__ import annotations

from accrual.domain.programme import Catalogue
from accrual.engine.catalog import Catalog
from accrual.rules.compile import compile_programme
from accrual.rules.compiled import CompiledProgramme


class Programmes:
    """The newest compiled form of every programme of a Catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._compiled: dict[int, CompiledProgramme] = {}

    def of(self, programme_id: int) -> CompiledProgramme:
        """The newest revision, compiled. Raises Missing."""
        catalogue: Catalogue = self._catalog.newest(programme_id)
        known = self._compiled.get(programme_id)
        if known is None or known.revision != catalogue.revision:
            known = self._compiled[programme_id] = compile_programme(catalogue)
        return known
