"""What is said in English of movements of points that were declined; names in braces are values."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.already_refunded": "All that the redemption took was given back before.",
    "means.already_returned": "All that was earned by what is returned was taken back before.",
    "means.asset_unknown": "The programme has no asset of this code.",
    "means.below_threshold": "Members at this level may spend from a certain balance on, and the member has less.",
    "means.hold_expired": "The time for which the points were set aside is over; they are free again.",
    "means.hold_resolved": "What was set aside was captured or released before.",
    "means.hold_unknown": "The member has set nothing aside under this ticket.",
    "means.holds_open": "The member has points set aside; capture or release them first, then merge.",
    "means.insufficient_points": "The member has fewer points to spend than are wanted.",
    "means.more_than_bought": "More of a line is returned than was bought and not returned before.",
    "means.more_than_held": "More is to be captured than was set aside.",
    "means.more_than_taken": "More is to be given back than the redemption took and has not been given back before.",
    "means.part_unknown": "The purchase has no such fact or line.",
    "means.purchase_unknown": (
        "The member has no such purchase: the ticket is of none, or the return waited for it as long as the programme says."
    ),
    "means.redemption_unknown": "The member has no such redemption.",
    "means.self_merge": "A member cannot be merged into itself.",
    "means.self_transfer": "Points cannot be sent to the member who has them.",
    # One case of a code, with its values where they are known.
    "decline.already_refunded": "All that the redemption took was given back before.",
    "decline.already_refunded.told": "All {taken} units that the redemption took were given back before.",
    "decline.already_returned": "All that was earned by what is returned was taken back before.",
    "decline.asset_unknown": "The programme has no asset of this code.",
    "decline.asset_unknown.told": "The programme has no asset {asset}.",
    "decline.below_threshold": "The member's balance is below the one from which they may spend.",
    "decline.below_threshold.told": "The member may spend from a balance of {threshold} units on, and has {posted}.",
    "decline.hold_expired": "The time for which the points were set aside is over.",
    "decline.hold_resolved": "What was set aside was captured or released before.",
    "decline.hold_unknown": "The member has set nothing aside under this ticket.",
    "decline.holds_open": "The member has points set aside; capture or release them first.",
    "decline.insufficient_points": "The member has fewer points to spend than are wanted.",
    "decline.insufficient_points.told": "The member has {available} units to spend, and {wanted} are wanted.",
    "decline.more_than_bought": "More is returned than was bought and not returned before.",
    "decline.more_than_bought.told": "More of a line is returned than there is: {left} of it can still come back.",
    "decline.more_than_held": "More is to be captured than was set aside.",
    "decline.more_than_held.told": "{held} units are set aside, and {wanted} are to be captured.",
    "decline.more_than_taken": "More is to be given back than the redemption took.",
    "decline.more_than_taken.told": "{left} units of the redemption are left, and {wanted} are to be given back.",
    "decline.part_unknown": "The purchase has no such fact or line.",
    "decline.purchase_unknown": "The member has no such purchase.",
    "decline.redemption_unknown": "The member has no such redemption.",
    "decline.self_merge": "A member cannot be merged into itself.",
    "decline.self_transfer": "Points cannot be sent to the member who has them.",
}
