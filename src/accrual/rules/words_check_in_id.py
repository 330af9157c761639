"""What is said in Indonesian of check-ins in a row; names in braces are values."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.check_in_too_late": "Check-in ini untuk hari yang lebih lama daripada yang boleh disusulkan menurut promo.",
    "means.day_without_prize": "Check-in dihitung untuk rangkaian; untuk hari ini promo tidak memberi apa-apa.",
    # One case of a code, with its values where they are known.
    "decline.already_checked_in.told": "Member sudah punya check-in pada {day} menurut kalender promo.",
    "decline.check_in_too_late": "Check-in ini untuk hari yang sudah terlalu lama untuk disusulkan.",
    "decline.check_in_too_late.told": "{day} sudah terlalu lama untuk disusulkan.",
    "decline.day_without_prize": "Check-in dihitung untuk rangkaian, dan harinya tidak memberi apa-apa.",
    "decline.day_without_prize.told": "{day} dihitung sebagai hari ke-{streak} rangkaian, yang tidak berhadiah dalam promo ini.",
    # How an award came about.
    "award.streak": "untuk check-in berturut-turut",
    "award.streak.days": "untuk {days}",
    "part.streak_day": "hari ke-{streak} rangkaian ({day})",
    "award_with.frozen": "hari yang dijembatani: {days}",
    "award_with.raised": "hari sesudahnya yang dinaikkan: {days}",
    "part.raised_day": "{day} menjadi hari ke-{streak} ({units} lebih banyak)",
}
