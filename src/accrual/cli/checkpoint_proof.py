"""`accrual checkpoint prove`, `consistency` and `check`: proofs for others, and their offline verification."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from accrual import checkpoint_verify
from accrual.bootstrap.checkpointing import prove_consistency, prove_ticket
from accrual.cli.output import echo_json
from accrual.cli.tell import DatabaseUrl, DataDir, say, telling
from accrual.cli.ticket_ids import read_ticket
from accrual.domain.errors import Invalid

Out = Annotated[
    Path | None, typer.Option("--out", dir_okay=False, help="The file to write [default: standard output].")
]


def prove(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="The ticket of a decided command.")],
    number: Annotated[
        int | None, typer.Option("--checkpoint", min=1, help="The checkpoint that covers it [default: the newest].")
    ] = None,
    out: Out = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a proof that a checkpoint covers a ticket, with its outcome and lines. It shows no other command."""
    with telling(as_json=False):
        proof = asyncio.run(prove_ticket(read_ticket(ticket), number, data_dir, database_url, say))
        _write(proof, out)


def consistency(
    old: Annotated[int, typer.Argument(metavar="OLD", min=1, help="The number of the older checkpoint.")],
    new: Annotated[int, typer.Argument(metavar="NEW", min=1, help="The number of the newer one.")],
    out: Out = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a proof that the newer checkpoint extends the older one. It shows no command at all."""
    with telling(as_json=False):
        proof = asyncio.run(prove_consistency(old, new, data_dir, database_url, say))
        _write(proof, out)


def check(
    file: Annotated[Path, typer.Argument(metavar="PROOF", help="What `prove` or `consistency` wrote.")],
    key: Annotated[str, typer.Option("--key", help="The public key of the log, from somebody you trust.")],
    kept: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="A checkpoint that you kept and the proof must be about.")
    ] = None,
) -> None:
    """Verify a proof offline. Ends with 0 when all is proved, with 1 when something is not, with 2 for no proof."""
    more = [part for path in kept or () for part in ("--checkpoint", str(path))]
    raise typer.Exit(checkpoint_verify.main([str(file), "--key", key, *more]))


def _write(proof: dict[str, Any], out: Path | None) -> None:
    if out is None:
        echo_json(proof, indent=1)
        return
    try:
        out.write_text(json.dumps(proof, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{out} cannot be written: {error.strerror}.", code="file_unwritable") from error
