"""What is said of awards, declines and commands in English; names in braces are values. No sentence is made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

THOUSANDS, DECIMALS = ",", "."

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.already_checked_in": "The member checked in before on this day of the programme's calendar, or of the promo's own.",
    "means.already_referred": "The member has a referrer already: the first referral accepted holds for life.",
    "means.already_registered": "The member registered before; a registration counts once.",
    "means.amount_too_small": "What the promo computes, or what is to be moved, comes to less than one whole unit.",
    "means.budget_exhausted": (
        "The promo's budget is used up, or less is left than the award, and the promo declines then."
    ),
    "means.capped": "A promo of the cap lane leaves nothing of its ceiling on the whole command.",
    "means.condition_failed": "The promo's condition could not be judged on these values, so nothing was given.",
    "means.condition_false": "The promo's condition does not hold; the first false part is told with its values.",
    "means.held_out": (
        "The member belongs to the promo's control group, which gets nothing so that its effect can be measured."
    ),
    "means.limit_reached": (
        "A limit of the promo is used up in the period of the fact: "
        "a member's, an outlet's, a device's or the promo's own; or a reward's for each member."
    ),
    "means.member_unknown": (
        "Nobody is known by this identity, and the programme's `enrol` setting does not enrol on such a call."
    ),
    "means.not_in_audience": "The member is in none of the lists and segments that the promo is for.",
    "means.not_started": "It happened before the promo's window opens.",
    "means.nothing_parked": "The command to try again was tried again before; its answer stands.",
    "means.outranked": "An exclusive promo came first in the same stacking lane and gave something.",
    "means.profile_refused": "The change to the member's profile cannot be made: it names what is not allowed or is too much.",
    "means.promo_code_missing": "The promo asks for one of its promo codes, and the call brought none of them.",
    "means.promo_paused": "The promo was paused at that moment.",
    "means.referrer_mismatch": (
        "The call names another referrer than the one on record; the one on record is rewarded."
    ),
    "means.self_referral": "The referrer named is the member itself.",
    "means.window_closed": "It happened after the promo's window closed.",
    "means.wrong_date": "The promo runs on certain dates, and it was none of them.",
    "means.wrong_day": "The promo runs on certain days of the week, and it was none of them.",
    "means.wrong_hour": "The promo runs at certain hours, and it was outside them.",
    # One case of a code, with its values where they are known.
    "decline.already_checked_in": "The member checked in before on this day of the programme's calendar.",
    "decline.already_referred": "The member has a referrer already: the first referral accepted holds for life.",
    "decline.already_registered": "The member registered before; a registration counts once.",
    "decline.amount_too_small": "It comes to less than one whole unit.",
    "decline.amount_too_small.money": "{basis} is too small to give anything.",
    "decline.amount_too_small.nothing_given": (
        "There is nothing to multiply: the command was given {basis} units so far."
    ),
    "decline.amount_too_small.no_rule": "None of the rules that the promo issues for was asked for.",
    "decline.budget_exhausted": "The promo's budget is used up.",
    "decline.budget_exhausted.left": "The promo's budget is {limit} units, and {left} are left.",
    "decline.budget_exhausted.wanted": (
        "The promo's budget is {limit} units, and {left} are left; {wanted} were wanted."
    ),
    "decline.capped": "A cap on the whole command leaves nothing for this promo.",
    "decline.capped.by": (
        "{by} caps the whole command at {ceiling} units, and nothing is left of them; {wanted} were wanted."
    ),
    "decline.condition_failed": "The condition could not be judged.",
    "decline.condition_failed.part": "The condition `{part}` could not be judged: {error}.",
    "decline.condition_failed.values": "The condition `{part}` could not be judged ({values}): {error}.",
    "decline.condition_false": "The condition does not hold.",
    "decline.condition_false.part": "The condition `{part}` does not hold.",
    "decline.condition_false.values": "The condition `{part}` does not hold: {values}.",
    "decline.held_out": (
        "The member belongs to the promo's control group and gets nothing, so that its effect can be measured."
    ),
    "decline.held_out.share": (
        "The member belongs to the promo's control group, {share} % of the "
        "audience, and gets nothing, so that its effect can be measured."
    ),
    "decline.limit_reached": "The limit of this promo is used up.",
    "decline.limit_reached.used": "The limit is {limit} {what} {whose}, and {used} are used.",
    "decline.limit_reached.used_wanted": (
        "The limit is {limit} {what} {whose}, and {used} are used; {wanted} were wanted."
    ),
    "decline.limit_reached.left": "The limit is {limit} {what} {whose}, and {left} are left.",
    "decline.limit_reached.left_wanted": (
        "The limit is {limit} {what} {whose}, and {left} are left; {wanted} were wanted."
    ),
    "decline.member_unknown": "Nobody is known by this identity, and the programme does not enrol on such a call.",
    "decline.not_in_audience": "The member is in none of the lists and segments that the promo is for.",
    "decline.not_in_audience.named": "The promo is for {audience}, and the member is in none of them.",
    "decline.not_started": "The promo had not started yet.",
    "decline.not_started.at": "The promo starts at {at} ({zone}).",
    "decline.nothing_parked": "The command to try again was tried again before; its answer stands.",
    "decline.outranked": "Another promo comes first in the same lane, gave, and stands alone in it.",
    "decline.outranked.by": "{by} comes first in the same lane, gave, and stands alone in it.",
    "decline.profile_refused": "The change to the member's profile cannot be made.",
    "decline.profile_refused.problem": "The change to the member's profile cannot be made: {problem}.",
    "decline.promo_code_missing": "The promo asks for one of its promo codes, and the call brought none of them.",
    "decline.promo_paused": "The promo was paused.",
    "decline.referrer_mismatch": (
        "The call names another referrer than the one on record; the one on record is rewarded."
    ),
    "decline.self_referral": "The referrer named is the member itself.",
    "decline.window_closed": "The promo was over.",
    "decline.window_closed.at": "The promo ended at {at} ({zone}).",
    "decline.wrong_date": "The promo does not run on that date.",
    "decline.wrong_date.at": "The promo runs on {dates}; it was {at} ({zone}).",
    "decline.wrong_day": "The promo does not run on that day of the week.",
    "decline.wrong_day.at": "The promo runs on {days}; it was {at} ({zone}).",
    "decline.wrong_hour": "The promo does not run at that hour.",
    "decline.wrong_hour.at": "The promo runs at {hours}; it was {at} ({zone}).",
    "declined.otherwise": "Declined: {reason}.",
    "declined.otherwise_with": "Declined: {reason} ({details}).",
    # How an award came about, by the benefit's kind.
    "award.fixed": "a fixed amount",
    "award.fixed.facts": "a fixed amount for {facts} facts",
    "award.points_per": "so many for each step",
    "award.points_per.of": "{give} for each {every} of {basis}",
    "award.percent": "a percentage of {basis}",
    "award.percent.of": "{percent} % of {basis}",
    "award.issuing": "for the rules asked for",
    "award.issuing.rules": "for {count} of the promo's rules asked for",
    "award.multiplier": "on top of the {basis} given before",
    "award.multiplier.base": "{times} times the {basis} of the base lane, less those themselves",
    "award.multiplier.all": "{times} times the {basis} given so far, less those themselves",
    "award.bracket": "by the amount of {basis}",
    "award.bracket.give": "for an amount of {basis}, the band from {start}",
    "award.bracket.percent": "{percent} % of {basis}, the band from {start}",
    "award.voucher": "vouchers with codes of their own",
    "award.voucher.codes": "with the code {codes}",
    "award.otherwise": "{reason}",
    # What else is said of an award.
    "award_with.limit": "{wanted} by the promo, reduced to what is left of {limit} {whose}",
    "award_with.budget": "{wanted} by the promo, reduced to what is left of its budget or cap of {limit}",
    "award_with.ceiling": "{wanted} by the promo, reduced by {by}, which caps the whole command at {ceiling}",
    "award_with.levels": "times what the member's level earns, {levels}",
    "award_with.lines": "attributed to {lines}",
    "award_with.many_lines": "attributed to {count} lines",
    # Parts of sentences.
    "part.award": "award",
    "part.awards": "awards",
    "part.units": "units",
    "part.whose.member": "a member",
    "part.whose.outlet": "an outlet",
    "part.whose.device": "a device",
    "part.whose.promo": "for the whole promo",
    "part.every.day": "each day",
    "part.every.week": "each week",
    "part.every.month": "each month",
    "part.every.year": "each year",
    "part.every.ever": "for good",
    "part.value": "{name} is {value}",
    "part.absent": "{name} is absent",
    "part.line": "line {line}: {units}",
    "part.fact_line": "fact {fact}, line {line}: {units}",
    "part.level": "{times} at {level}",
    "part.birthday": "the member's birthday",
    "part.last": "the last day of the month",
    "part.month_day": "day {day} of the month",
    "part.and": "{some} and {last}",
    "part.or": "{some} or {last}",
    "part.list": "list {name}",
    "part.segment": "segment {name}",
    "day.mon": "Monday",
    "day.tue": "Tuesday",
    "day.wed": "Wednesday",
    "day.thu": "Thursday",
    "day.fri": "Friday",
    "day.sat": "Saturday",
    "day.sun": "Sunday",
    # What came of a command.
    "story.ticket": "Ticket {ticket}",
    "story.came": "{who} did `{action}` at {at}, told by client {client} in the words of {dialect}.",
    "story.recorded": "Recorded at {at} as position {position} of bucket {bucket}, in programme {programme}.",
    "story.parent": "It followed from ticket {ticket}.",
    "story.retry_of": "It tried ticket {ticket} again, which had been put aside.",
    "story.waiting": "It is accepted and not decided yet; a lane will come to it. See: accrual doctor.",
    "story.parked": "It could not be decided and was put aside; nothing was given. The error: {error}",
    "story.retry_how": "Once its cause is mended: accrual parked retry {ticket}",
    "story.decided": "Decided under revision {revision} of the programme.",
    "story.nothing": "No promo of the programme listens to such a fact, so nothing was given and nothing declined.",
    "story.tier.earned": "^ Level {before} -> {after}: {earned} earned in the window, {threshold} reach it; from now on.",
    "story.tier.hand": "^ Level {before} -> {after}, set by hand; {earned} are earned in the window.",
    "story.tier.review": "v Level {before} -> {after}: {earned} earned in the window; the period and its grace are over.",
    "story.tier.merger": "^ Level {before} -> {after}, the higher of both members' or what they earned together ({earned}).",
    "story.profile": "What is known of the member was changed as asked; it holds for what comes after.",
    "story.considered": "Promos considered: {promos}.",
    "story.gave": "+ {promo} (version {version}) gave {text}",
    "story.gave_named": "+ {promo} (version {version}, {name}) gave {text}",
    "story.active": "Active from {at}.",
    "story.expires": "Expires at {at}.",
    "story.programme": "The programme",
    "story.promo": "{promo} (version {version})",
    "story.declined": "- {who} gave nothing ({reason}): {text}",
    "story.line": "= Account {account}: {amount} ({kind}), then {balance}.",
    "story.under_way": "A follow-up is still under way.",
    "story.followed": "From it followed, in another member's name:",
    "story.tried_again": "It was tried again:",
}
