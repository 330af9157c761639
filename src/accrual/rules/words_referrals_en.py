"""What is said in English of referrals; names in braces are values."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.existing_member": "The member was one already: what they did first is older than the programme's grace.",
    "means.held_for_review": (
        "Another member was seen with the same device, or it was too much too fast by a rule that holds what is more: "
        "nothing is paid or refused before somebody has looked at it."
    ),
    "means.referral_cycle": "The referrer was brought by the member, at once or by way of others.",
    "means.referral_judged": "Somebody has approved or refused the referral before.",
    "means.referral_not_accepted": "No referral of the member holds: it was refused, or waits for review.",
    "means.referral_refused": "Somebody has looked at the referral and refused it.",
    "means.referral_unknown": "No such referral was held for review.",
    # One case of a code, with its values where they are known.
    "decline.existing_member": "The member was one already: what they did first is older than the programme's grace.",
    "decline.held_for_review": "Another member was seen with the same device: the referral is held for review.",
    "decline.held_for_review.told": (
        "Another member was seen with the same device: the referral is held for review as {id}."
    ),
    "decline.referral_cycle": "The referrer was brought by this member, at once or by way of others.",
    "decline.referral_judged": "The referral was approved or refused before.",
    "decline.referral_not_accepted": "No referral of the member holds, so nobody is paid for having brought them.",
    "decline.referral_refused": "The referral was refused.",
    "decline.referral_refused.told": "The referral {id} was refused: {note}",
    "decline.referral_unknown": "No such referral was held for review.",
}
