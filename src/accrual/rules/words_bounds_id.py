"""What is said in Indonesian where a bound of the programme, or of this installation, was reached."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "means.amount_too_large": (
        "Pemberian ini, atau semua pemberian dari satu perintah, melebihi batas program untuk satu perintah."
    ),
    "means.daily_bound_reached": "Promo, atau klien yang memberi, sudah mencapai batas program untuk satu hari.",
    "means.balance_full": "Saldo member sudah sebesar mungkin, tidak bisa ditambah lagi.",
    "means.condition_budget": "Syarat promo-promo sebelumnya sudah menghabiskan biaya pemeriksaan satu perintah.",
    "decline.amount_too_large": "Jumlahnya lebih besar daripada yang boleh diberikan oleh satu perintah.",
    "decline.daily_bound_reached": "Jumlahnya lebih besar daripada sisa batas hari ini.",
    "decline.balance_full": "Saldo member tidak bisa ditambah lagi.",
    "decline.condition_budget": (
        "Perintah ini terlalu banyak kejadian atau barisnya, sehingga syarat promo ini tidak diperiksa."
    ),
}
