"""Draws what is told of draws on a terminal: commitments, odds, winners, bars of prizes over time. Nothing is looked up."""

from __future__ import annotations

from rich.console import Console

from accrual.cli.tables import moment, table
from accrual.domain.draws import SCHEME_BY_TICKET, Round
from accrual.engine.draw_simulation import SimulatedDraw
from accrual.engine.draw_views import DrawView, percent_text

BARS = " ▁▂▃▄▅▆▇█"


def print_commitment(view: DrawView, console: Console) -> None:
    """The open round's commitment, then every round."""
    console.print(f"{view.draw}: round {view.round}, {view.entries:,} entries so far", style="bold")
    console.print(f"commitment {view.commitment}", soft_wrap=True)
    console.print("The secret behind it stays unknown until the round is closed: accrual draw disclose", style="dim")
    _print_parts(view.rounds[-1], console)
    for each in view.rounds:
        if each.secret is None and each.closed_at is not None:
            console.print(
                f"Round {each.round}: its {each.entries:,} entries are complete, its winners wait for a {each.beacon}"
            )
            console.print(f"  root       {each.root}", soft_wrap=True)
        if each.secret is None:
            continue
        console.print(f"Round {each.round}, closed {moment(each.closed_at)}: {each.entries:,} entries", style="bold")
        console.print(f"  commitment {each.commitment}", soft_wrap=True)
        console.print(f"  secret     {each.secret}", soft_wrap=True)
        for name, value in (
            ("share", each.share),
            ("decided by", each.beacon_value and f"{each.beacon} {each.beacon_value}"),
        ):
            if value:
                console.print(f"  {name:<10} {value}", soft_wrap=True)
        console.print(f"  root       {each.root}", soft_wrap=True)
    if view.winners:
        print_winners(view, console)


def _print_parts(opened: Round, console: Console) -> None:
    """Who has the secret of the open round, and what decides it besides."""
    where = (
        "in two parts, in the database and in the key file of the hosts" if opened.shared else "in the database alone"
    )
    console.print(f"The secret is {where}.", style="dim")
    if opened.beacon is not None:
        console.print(f"The first {opened.beacon} after its entries are complete decides it, too.", style="dim")
    if opened.scheme == SCHEME_BY_TICKET:
        console.print("Points of this round are made of tickets, which clients choose: close it soon.", style="bold")


def print_odds(view: DrawView, console: Console) -> None:
    """A row a prize: stated and effective chances."""
    if view.kind == "raffle":
        console.print(f"{view.draw} is a raffle: each ticket has the same chance. Entries so far: {view.entries:,}")
        return
    rows = [
        [
            each.prize,
            each.wins,
            f"{each.weight:,}",
            each.stated,
            each.now,
            "" if each.left is None else f"{each.left:,}",
            (each.out or "").replace("_", " "),
        ]
        for each in view.odds
    ]
    columns = ["prize", "wins", "#weight", "#stated", "#now", "#left", "out"]
    console.print(table(f"Odds of {view.draw}", columns, rows))


def print_winners(view: DrawView, console: Console) -> None:
    """The picks of a raffle, by the tickets of their entries."""
    rows = [[f"{w.pick}", w.prize, w.ticket, w.status, moment(w.claim_by)] for w in view.winners]
    console.print(table(f"Winners of {view.draw}", ["#pick", "prize", "ticket", "status", "claim by"], rows))


def print_simulated(made: SimulatedDraw, console: Console) -> None:
    """A row a prize with bars over time, from the first entries on the left to the last."""
    rows = [
        [
            each.prize,
            f"{each.wins:,}",
            percent_text(each.wins, made.entries),
            "" if each.left is None else f"{each.left:,}",
            bars(each.over_time),
        ]
        for each in made.prizes
    ]
    title = f"{made.entries:,} entries of {made.members:,} members in {made.draw}, {made.helped:,} helped by pity"
    console.print(table(title, ["prize", "#wins", "#share", "#left", "over time"], rows))


def bars(values: tuple[int, ...]) -> str:
    """One letter a value, as high as it is among them."""
    highest = max(values, default=0) or 1
    return "".join(BARS[-(-value * (len(BARS) - 1) // highest)] for value in values)
