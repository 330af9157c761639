"""`accrual reward ...`: look at the catalogue of rewards, load voucher codes into pools. What can be had is decided below."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

from accrual.bootstrap.asking import asking, choose_programme
from accrual.cli.output import echo, echo_json, open_console
from accrual.cli.tables import moment, table
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.domain.errors import Invalid
from accrual.engine.reward_views import RewardView
from accrual.engine.rewards import Rewards

T = TypeVar("T")
FILE_BYTES_MAX = 8_000_000

app = typer.Typer(name="reward", help="Rewards: list and show them, load voucher codes.", no_args_is_help=True)
Code = Annotated[str, typer.Argument(metavar="CODE", help="The reward's code.", show_default=False)]


@app.command("list")
def list_rewards(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """List rewards by code, with price and what is left."""

    async def read(rewards: Rewards, programme_id: int) -> list[RewardView]:
        found: list[RewardView] = []
        after: str | None = ""
        while after is not None:
            page = await rewards.page(programme_id, after=after)
            found += page.rewards
            after = page.next_after
        return found

    with telling(as_json=as_json):
        found = _ask(data_dir, database_url, programme, read)
    if as_json:
        _print_json({"rewards": found})
    else:
        print_list(found, open_console())


@app.command()
def show(
    code: Code,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Show a reward: what it costs, when, where and by whom it can be had, what is left."""
    with telling(as_json=as_json):
        view = _ask(data_dir, database_url, programme, lambda rewards, number: rewards.show(number, code))
    if as_json:
        _print_json(view)
    else:
        print_reward(view, open_console())


@app.command()
def load(
    code: Code,
    file: Annotated[Path, typer.Argument(help="Voucher codes, one a line.", dir_okay=False, show_default=False)],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Load voucher codes into a reward's pool; each is given once, in this order. Those it has already are left out."""
    with telling(as_json=as_json):
        codes = read_codes(file)
        done = _ask(data_dir, database_url, programme, lambda rewards, number: rewards.load(number, code, codes))
    if as_json:
        _print_json(done)
    else:
        left = done.pool.loaded - done.pool.given
        echo(f"Loaded {done.added} codes ({done.known} were known); {left} of {done.pool.loaded} are left.")


def read_codes(path: Path) -> list[str]:
    """The lines of a file, without the space around them, empty ones left out. Raises Invalid `file_unreadable`."""
    try:
        raw = path.read_bytes() if path.stat().st_size <= FILE_BYTES_MAX else None
        text = None if raw is None else raw.decode("utf-8-sig")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror or error}.", code="file_unreadable") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8 text (byte {error.start}).", code="file_unreadable") from error
    if text is None:
        raise Invalid(f"{path} is larger than {FILE_BYTES_MAX} bytes.", code="file_unreadable")
    return [line.strip() for line in text.splitlines() if line.strip()]


def print_list(rewards: list[RewardView], console: Console) -> None:
    """A row a reward."""
    if not rewards:
        console.print("There is no reward.")
        return
    console.print(
        table(
            "1 reward" if len(rewards) == 1 else f"{len(rewards)} rewards",
            ["code", "#price", "asset", "#left", "#of", "voucher", "can be had", "name"],
            (
                [
                    each.code,
                    str(each.price),
                    each.asset,
                    "" if each.left is None else str(each.left),
                    "" if each.stock is None else str(each.stock),
                    each.voucher or "",
                    "yes" if each.available else str(each.why_not),
                    each.name,
                ]
                for each in rewards
            ),
        )
    )


def print_reward(view: RewardView, console: Console) -> None:
    """A line for each thing that is said of it."""
    limit = "" if view.limit is None else f"{view.limit['count']} a member, every {view.limit['every']}"
    said = {
        "reward": f"{view.code} {view.name}".strip(),
        "price": f"{view.price} {view.asset}",
        "left": "without end" if view.left is None else f"{view.left} of {view.stock}",
        "opens": "" if view.opens_at is None else moment(view.opens_at),
        "closes": "" if view.closes_at is None else moment(view.closes_at),
        "limit": limit,
        "outlets": ", ".join(view.outlets),
        "voucher": view.voucher or "",
        "code": "sent to the member, who completes the redemption with it" if view.send_validation_code else "",
        "now": "can be had" if view.available else f"cannot be had: {view.why_not}",
    }
    for name, value in said.items():
        if value:
            console.print(f"{name:<9} {value}", soft_wrap=True, markup=False)


def _ask(
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
    question: Callable[[Rewards, int], Awaitable[T]],
) -> T:
    async def ask() -> T:
        async with asking(data_dir, database_url, on_progress=say) as engine:
            return await question(engine.rewards, choose_programme(engine.catalog, programme).programme_id)

    return asyncio.run(ask())


def _print_json(document: Any) -> None:
    echo_json(msgspec.to_builtins(document))
