"""What is said in Indonesian of rewards that could not be redeemed; the same keys and names in braces as in English."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.code_needed": "Penukaran ini hanya dapat diselesaikan dengan kode yang dikirim kepada member.",
    "means.code_wrong": "Kode ini bukan yang dikirim kepada member.",
    "means.code_wrong_too_often": "Kode terlalu sering salah; poinnya bebas kembali, dan hadiahnya tersedia kembali.",
    "means.out_of_stock": "Semua persediaan hadiah sudah ditukar.",
    "means.reward_inactive": "Hadiah ini dinonaktifkan.",
    "means.reward_in_part": "Penukaran hadiah hanya dapat dibatalkan seluruhnya.",
    "means.reward_not_here": "Hadiah hanya dapat ditukar di outlet tertentu; outlet ini bukan, atau tidak disebut.",
    "means.reward_not_started": "Hadiah belum dapat ditukar: masanya belum dimulai.",
    "means.reward_over": "Hadiah tidak dapat ditukar lagi: masanya sudah berakhir.",
    "means.reward_unknown": "Program tidak punya hadiah dengan kode ini.",
    # One case of a code, with its values where they are known.
    "decline.code_needed": "Penukaran ini hanya dapat diselesaikan dengan kode yang dikirim kepada member.",
    "decline.code_wrong": "Kode ini bukan yang dikirim kepada member.",
    "decline.code_wrong.told": "Kode ini bukan yang dikirim kepada member; sisa percobaan {left}.",
    "decline.code_wrong_too_often": "Kode terlalu sering salah; poinnya bebas kembali, dan hadiahnya tersedia kembali.",
    "decline.code_wrong_too_often.told": "Kode salah {tries} kali; poinnya bebas kembali.",
    "decline.out_of_stock": "Semua persediaan hadiah sudah ditukar.",
    "decline.out_of_stock.told": "Semua persediaan {reward} sudah ditukar.",
    "decline.reward_inactive": "Hadiah ini dinonaktifkan.",
    "decline.reward_inactive.told": "Hadiah {reward} dinonaktifkan.",
    "decline.reward_in_part": "Penukaran hadiah hanya dapat dibatalkan seluruhnya.",
    "decline.reward_in_part.told": "Penukaran {reward} hanya dapat dibatalkan seluruhnya, sebesar {price} unit.",
    "decline.reward_not_here": "Hadiah hanya dapat ditukar di outlet tertentu; outlet ini bukan, atau tidak disebut.",
    "decline.reward_not_here.told": "Hadiah {reward} tidak dapat ditukar di outlet {outlet}.",
    "decline.reward_not_started": "Hadiah belum dapat ditukar: masanya belum dimulai.",
    "decline.reward_not_started.told": "Hadiah {reward} dapat ditukar mulai {at}.",
    "decline.reward_over": "Hadiah tidak dapat ditukar lagi: masanya sudah berakhir.",
    "decline.reward_over.told": "Hadiah {reward} dapat ditukar sampai {at}.",
    "decline.reward_unknown": "Program tidak punya hadiah dengan kode ini.",
    "decline.reward_unknown.told": "Program tidak punya hadiah {reward}.",
    # Parts of sentences, and what came of a redemption.
    "part.redemption": "penukaran",
    "part.redemptions": "penukaran",
    "story.reward": "Hadiah {reward} ditukar dengan {price} {asset}.",
    "story.reward_voucher": "Hadiah {reward} ditukar dengan {price} {asset}; vouchernya {voucher}.",
    "story.reward_waits": "Hadiah {reward} disisihkan seharga {price} {asset}; kode yang dikirim kepada member menyelesaikannya.",
    "story.reward_cancelled": "Penukaran hadiah {reward} dibatalkan.",
}
