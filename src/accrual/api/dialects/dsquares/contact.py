"""Whose number a contact is: a wallet has one, and one number is one wallet's. Reads and claims; HTTP is elsewhere."""

from __future__ import annotations

from accrual.api.call import Engine
from accrual.api.dialects.dsquares import failures, translate
from accrual.api.dialects.dsquares.failures import Failed
from accrual.api.dialects.dsquares.wire import Who
from accrual.domain.errors import AccrualError, KeyReused
from accrual.domain.programme import Catalogue, StoredClient
from accrual.engine.wallets import Wallet


async def check_contact(
    who: Who, wallet: Wallet | None, *, client: StoredClient, catalogue: Catalogue, engine: Engine
) -> AccrualError | None:
    """Failed when the number is not this wallet's contact; the first one seen with a wallet becomes it."""
    known = None if wallet is None else wallet.row.profile.attributes.get(translate.CONTACT)
    if known is not None:
        return None if known == who.contact else Failed(failures.NOT_MATCHED)
    try:
        # A key of the whole client: two wallets that claim one number at once meet in the log, and one of them loses.
        await engine.submit(translate.contact(who, client, catalogue))
    except KeyReused:
        return Failed(failures.NOT_MATCHED)
    return None
