"""What is said in English of draws and raffles; names in braces are values."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.drew_nothing": "The entry counted, and drew the row of the prize table that wins nothing; the receipt shows how.",
    "means.entry_cost_missing": "The member does not have what an entry of the draw costs; nothing was taken.",
    "means.raffle_closed": "The entry came, or happened, after the time of the raffle.",
    # One case of a code, with its values where they are known.
    "decline.drew_nothing": "The entry drew the row that wins nothing.",
    "decline.drew_nothing.receipt": "The entry drew {prize}, which wins nothing: {weight} of {total} chances.",
    "decline.entry_cost_missing": "The member does not have what an entry costs.",
    "decline.entry_cost_missing.told": "An entry costs {cost} {asset}, and the member has {available} to spend.",
    "decline.raffle_closed": "The raffle takes no more entries: its time has come.",
    # How an award came about.
    "award.draw": "drawn from a prize table",
    "award.draw.receipt": "drawn as {prize}, which had {weight} of {total} chances (round {round}, entry {bucket}-{number})",
    "award.draw.preview": "a trial: drawn as {prize}, which has {weight} of {total} chances; the real entry is drawn anew",
    "award.raffle": "tickets of a raffle",
    "award.raffle.receipt": "tickets of a raffle (round {round}, entry {bucket}-{number})",
    "award.raffle.preview": "tickets of a raffle",
}
