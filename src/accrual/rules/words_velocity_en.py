"""What is said in English of velocity and of what is held for review; names in braces are values."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "means.held_judged": "The held command was approved or refused before.",
    "means.held_refused": "Somebody looked at the held command and refused it; it gives nothing.",
    "means.held_unknown": "No such command was held for review.",
    "means.too_fast": (
        "A rule of velocity of the programme: too many facts, or too much money, in too short a time. Nothing is given."
    ),
    "decline.held_judged": "The held command was approved or refused before.",
    "decline.held_refused": "The held command was refused; it gives nothing.",
    "decline.held_refused.told": "The held command was refused; it gives nothing. Reason: {note}",
    "decline.held_unknown": "No such command was held for review.",
    "decline.too_fast": "It was too much too fast.",
    "decline.too_fast.count": "Too fast: the rule {rule} allows {limit} {whose}.",
    "decline.too_fast.amount": "Too fast: the rule {rule} allows {amount} {whose}.",
    "decline.held_for_review.count": "Held for review: the rule {rule} allows {limit} {whose}.",
    "decline.held_for_review.amount": "Held for review: the rule {rule} allows {amount} {whose}.",
    "part.velocity.device": "a device in each {span}",
    "part.velocity.install_id": "an install id in each {span}",
    "part.velocity.member": "a member in each {span}",
    "part.velocity.client": "a client in each {span}",
    "part.span.minute": "minute",
    "part.span.hour": "hour",
    "part.span.day": "day",
    "part.span.week": "week",
    "part.span.month": "month",
}
