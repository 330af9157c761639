"""What is said in English where a bound of the programme, or of this installation, was reached."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "means.amount_too_large": (
        "The award, or all awards of the command together, would be more than the programme's bound for one command."
    ),
    "means.daily_bound_reached": (
        "The promo, or the client that grants, has given what the programme's bound allows for one day."
    ),
    "means.balance_full": "The member's balance is so large that no more can be added to it.",
    "means.condition_budget": (
        "The conditions of the promos before this one used up what one command may cost to judge."
    ),
    "decline.amount_too_large": "It comes to more than one command may award.",
    "decline.daily_bound_reached": "It comes to more than is left of the bound of the day.",
    "decline.balance_full": "The member's balance cannot hold any more.",
    "decline.condition_budget": (
        "The command has too many facts or lines for this promo's condition to be judged as well."
    ),
}
