"""Whether a command stays within its programme's bounds: money it tells of, units it moves, moments it names. Pure."""

from __future__ import annotations

from datetime import datetime

from accrual.domain.bounds import OUT_OF_BOUNDS, is_in_bounds
from accrual.domain.commands import Command, Reward
from accrual.domain.errors import Invalid
from accrual.domain.facts import Fact
from accrual.domain.programme import Settings


def find_beyond(command: Command, settings: Settings) -> Invalid | None:
    """Why a command is refused, None when it is within bounds: `invalid_amount` or `invalid_date`.

    `details.path` says where, as in `facts[1].amount` or `move.amount`.
    """
    if type(command) is not Reward:
        return _beyond_of_move(command, settings)
    facts = command.facts
    if len(facts) == 1 and not facts[0].items:  # nearly all of them
        amount = facts[0].amount_minor
        if amount is None or amount <= settings.bounds.amount_minor_per_command:
            return None
    return _beyond_of_facts(facts, settings)


def _beyond_of_facts(facts: tuple[Fact, ...], settings: Settings) -> Invalid | None:
    most = settings.bounds.amount_minor_per_command
    told = lines = 0
    for number, fact in enumerate(facts):
        told += fact.amount_minor or 0
        if told > most:
            return _too_much_money("amounts", f"facts[{number}].amount", settings)
        for place, item in enumerate(fact.items or ()):
            lines += item.amount_minor or 0
            if lines > most:
                return _too_much_money("amounts of the lines", f"facts[{number}].lines[{place}].amount", settings)
    return None


def _beyond_of_move(command: Command, settings: Settings) -> Invalid | None:
    units, most = getattr(command, "amount", None), settings.bounds.units_per_command
    if isinstance(units, int) and abs(units) > most:
        return Invalid(
            f"{units:,} units are more than the {most:,} that a command may move (`bounds.units_per_command` of the"
            " programme); send less.",
            code="invalid_amount",
            details={"path": "move.amount"},
        )
    value = getattr(command, "value_minor", None)
    if value is not None and value > settings.bounds.amount_minor_per_command:
        return _too_much_money("value", "move.value", settings)
    moment = getattr(command, "expires_at", None)
    if isinstance(moment, datetime) and not is_in_bounds(moment):
        return Invalid(f"The date {OUT_OF_BOUNDS}", code="invalid_date", details={"path": "move.expires_at"})
    return None


def _too_much_money(what: str, path: str, settings: Settings) -> Invalid:
    most, decimals = settings.bounds.amount_minor_per_command, settings.minor_units
    whole, rest = divmod(most, 10**decimals)
    shown = f"{whole:,}.{rest:0{decimals}d}" if decimals else f"{whole:,}"
    verb = "is" if what == "value" else "sum to"
    return Invalid(
        f"The {what} of this command {verb} more than {shown} {settings.currency}, the most that a command may tell of"
        " (`bounds.amount_minor_per_command` of the programme); send less.",
        code="invalid_amount",
        details={"path": path},
    )
