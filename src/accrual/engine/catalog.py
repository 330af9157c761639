"""Catalogues and clients in memory, renewed when a revision rises; immutable once handed out. No SQL, nothing is changed."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType

from accrual.domain.errors import Missing
from accrual.domain.programme import Catalogue, StoredClient
from accrual.engine.ports import CatalogueSource

REVISIONS_KEPT_MAX = 64
"""Old revisions kept for replay, all programmes together; the newest of each programme are kept besides."""


def digest_of_key(key: str) -> bytes:
    """What is stored and compared in place of a client's key: SHA-256."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


class Catalog:
    """The newest catalogue of every programme and the clients by key; lanes call `refresh` each batch, the API each second.

    Never older than the last refresh. What a failing refresh has left is what was known before it.
    """

    def __init__(self, source: CatalogueSource, *, old_revisions_max: int = REVISIONS_KEPT_MAX) -> None:
        self._old_max = old_revisions_max
        self._source = source
        self._revisions: Mapping[int, int] = MappingProxyType({})
        self._newest: Mapping[int, Catalogue] = MappingProxyType({})
        self._by_code: Mapping[str, Catalogue] = MappingProxyType({})
        self._by_key: Mapping[bytes, StoredClient] = MappingProxyType({})
        self._by_id: Mapping[int, StoredClient] = MappingProxyType({})
        self._old: OrderedDict[tuple[int, int], Catalogue] = OrderedDict()

    async def refresh(self) -> frozenset[int]:
        """Re-read what has changed; one small query when nothing has. The programmes whose revision rose.

        Raises DatabaseDown.
        """
        revisions = await self._source.revisions()
        changed = frozenset(number for number, revision in revisions.items() if self._revisions.get(number) != revision)
        if not changed and len(revisions) == len(self._revisions):
            return changed
        newest = {number: catalogue for number, catalogue in self._newest.items() if number in revisions}
        for number in sorted(changed):
            newest[number] = await self._source.catalogue(number)
        clients = await self._source.clients()
        self._newest = MappingProxyType(newest)
        self._by_code = MappingProxyType({catalogue.settings.code: catalogue for catalogue in newest.values()})
        self._by_key = MappingProxyType({c.key_digest: c for c in clients if c.key_digest is not None})
        self._by_id = MappingProxyType({c.client_id: c for c in clients})
        # A catalogue may be newer than the revisions read before it; the one it carries is the one that counts.
        self._revisions = MappingProxyType({number: catalogue.revision for number, catalogue in newest.items()})
        return changed

    @property
    def changes(self) -> int:
        """The sum of all revisions and their number: it rises with whatever is changed, so equal sums need no reading."""
        return sum(self._revisions.values()) + len(self._revisions)

    @property
    def programmes(self) -> Mapping[int, Catalogue]:
        """The newest catalogue of every programme, by programme_id."""
        return self._newest

    def newest(self, programme_id: int) -> Catalogue:
        """The newest catalogue of a programme. Raises Missing."""
        try:
            return self._newest[programme_id]
        except KeyError:
            raise Missing(f"There is no programme {programme_id}.") from None

    def by_code(self, code: str) -> Catalogue:
        """The newest catalogue of the programme with this code. Raises Missing."""
        try:
            return self._by_code[code]
        except KeyError:
            raise Missing(f"There is no programme {code!r}.") from None

    async def at(self, programme_id: int, revision: int) -> Catalogue:
        """A programme at a revision, for replay; read once and kept while among the last used. Raises Missing."""
        newest = self._newest.get(programme_id)
        if newest is not None and newest.revision == revision:
            return newest
        wanted = (programme_id, revision)
        found = self._old.get(wanted)
        if found is None:
            found = self._old[wanted] = await self._source.catalogue(programme_id, revision)
            if len(self._old) > self._old_max:
                self._old.popitem(last=False)
        else:
            self._old.move_to_end(wanted)
        return found

    def client_by_key(self, key: str) -> StoredClient | None:
        """The client whose key this is, None when there is none (or it was ended)."""
        return self._by_key.get(digest_of_key(key))

    def client_by_digest(self, key_digest: bytes) -> StoredClient | None:
        """The client with this SHA-256 of its key, None when there is none."""
        return self._by_key.get(key_digest)

    def client(self, client_id: int) -> StoredClient | None:
        """The client with this number, None when there is none (or it was ended)."""
        return self._by_id.get(client_id)

    @property
    def clients(self) -> Mapping[int, StoredClient]:
        """Every client that has not been ended, by client_id."""
        return self._by_id
