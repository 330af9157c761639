"""What is said in English of rewards that could not be redeemed, and of redemptions; names in braces are values."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.code_needed": "Only the code that the member was sent can complete this redemption.",
    "means.code_wrong": "The code is not the one that the member was sent.",
    "means.code_wrong_too_often": "The code was wrong too often; the points are free again, and the reward is in stock again.",
    "means.out_of_stock": "All there are of the reward have been redeemed.",
    "means.reward_inactive": "The reward is switched off.",
    "means.reward_in_part": "A reward is cancelled whole or not at all.",
    "means.reward_not_here": "The reward can be redeemed at certain outlets, and this is none of them, or none was named.",
    "means.reward_not_started": "The reward cannot be had yet: its window opens later.",
    "means.reward_over": "The reward cannot be had any more: its window has closed.",
    "means.reward_unknown": "The programme has no reward of this code.",
    # One case of a code, with its values where they are known.
    "decline.code_needed": "Only the code that the member was sent can complete this redemption.",
    "decline.code_wrong": "The code is not the one that the member was sent.",
    "decline.code_wrong.told": "The code is not the one that the member was sent; {left} tries are left.",
    "decline.code_wrong_too_often": "The code was wrong too often; the points are free again, and the reward is in stock again.",
    "decline.code_wrong_too_often.told": "The code was wrong {tries} times; the points are free again.",
    "decline.out_of_stock": "All there are of the reward have been redeemed.",
    "decline.out_of_stock.told": "All there are of {reward} have been redeemed.",
    "decline.reward_inactive": "The reward is switched off.",
    "decline.reward_inactive.told": "The reward {reward} is switched off.",
    "decline.reward_in_part": "A reward is cancelled whole or not at all.",
    "decline.reward_in_part.told": "The reward {reward} is cancelled whole, for {price} units, or not at all.",
    "decline.reward_not_here": "The reward can be redeemed at certain outlets, and this is none of them, or none was named.",
    "decline.reward_not_here.told": "The reward {reward} cannot be redeemed at outlet {outlet}.",
    "decline.reward_not_started": "The reward cannot be had yet: its window opens later.",
    "decline.reward_not_started.told": "The reward {reward} can be had from {at} on.",
    "decline.reward_over": "The reward cannot be had any more: its window has closed.",
    "decline.reward_over.told": "The reward {reward} could be had until {at}.",
    "decline.reward_unknown": "The programme has no reward of this code.",
    "decline.reward_unknown.told": "The programme has no reward {reward}.",
    # Parts of sentences, and what came of a redemption.
    "part.redemption": "redemption",
    "part.redemptions": "redemptions",
    "story.reward": "Reward {reward} was redeemed for {price} {asset}.",
    "story.reward_voucher": "Reward {reward} was redeemed for {price} {asset}; the voucher is {voucher}.",
    "story.reward_waits": "Reward {reward} is set aside for {price} {asset}; a code sent to the member completes it.",
    "story.reward_cancelled": "The redemption of reward {reward} was cancelled.",
}
