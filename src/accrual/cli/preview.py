"""`accrual preview COMMAND.json`: what a command would come to, told like `accrual explain`. Nothing is posted."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console

from accrual.bootstrap.previewing import preview_body
from accrual.cli.bodies import read_bodies
from accrual.cli.explain import Story, print_story, sentences
from accrual.cli.output import echo_json, open_console
from accrual.cli.submit import Words, opened
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.domain.errors import Invalid
from accrual.engine.render import preview_json
from accrual.engine.views import Previewed


def preview(
    file: Annotated[str, typer.Argument(metavar="COMMAND.json|-", help="One command; - reads standard input.")],
    dialect: Annotated[
        Words, typer.Option("--dialect", help="In whose words: a native command, or a raw body as a partner sends it.")
    ] = Words.NATIVE,
    client: Annotated[
        str | None,
        typer.Option("--client", help="Code of the client it would come from; not needed where there is one."),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Decide a command as it would be decided now, and say why, without posting it.

    With a key, ticket and voucher codes are those that submitting it would give. A command that is in the log already
    answers what the log has. Commands accepted but not decided yet are not looked at.
    """
    with telling(as_json=as_json):
        with opened(file) as source:
            bodies = read_bodies(source)
            _, raw = next(bodies)
            if next(bodies, None) is not None:
                raise Invalid("One command at a time can be previewed.", code="invalid_json")
        words = "native" if dialect is Words.NATIVE else "qoin"
        previewed, client_code, programme_code = asyncio.run(
            preview_body(
                raw,
                words,
                data_dir=data_dir,
                database_url=database_url,
                programme=programme,
                client=client,
                tell=say,
            )
        )
    story = _story(previewed, client_code, programme_code)
    if as_json:
        echo_json(_as_json(previewed, story))
    else:
        print_preview(previewed, story, open_console())


def print_preview(previewed: Previewed, story: Story, console: Console) -> None:
    """What it is, then the sentences of the story."""
    if previewed.repeated:
        console.print("This command is in the log already; submitting it again would change nothing.")
    else:
        console.print("Preview: nothing was posted. Submitted now, it would read:")
    print_story(story, console)
    if previewed.waiting_before:
        console.print(
            f"{previewed.waiting_before:,} accepted commands of its bucket wait to be decided; what they change is not in here."
        )


def _story(previewed: Previewed, client: str, programme: str) -> Story:
    followed = tuple(Story(view=view, client=client, programme=programme, follow_ups=()) for view in previewed.followed)
    return Story(view=previewed.view, client=client, programme=programme, follow_ups=followed)


def _as_json(previewed: Previewed, story: Story) -> dict[str, Any]:
    told = preview_json(previewed)
    told["sentences"] = [sentence.strip() for sentence in sentences(story)]
    return told
