"""What is said in Indonesian of draws and raffles; names in braces are values."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.drew_nothing": "Undian diikuti dan yang terambil adalah baris tabel tanpa hadiah; tanda terima menunjukkan caranya.",
    "means.entry_cost_missing": "Anggota tidak memiliki cukup untuk biaya ikut undian; tidak ada yang diambil.",
    "means.raffle_closed": "Keikutsertaan datang, atau terjadi, setelah waktu undian.",
    # One case of a code, with its values where they are known.
    "decline.drew_nothing": "Yang terambil adalah baris tanpa hadiah.",
    "decline.drew_nothing.receipt": "Yang terambil {prize}, tanpa hadiah: {weight} dari {total} peluang.",
    "decline.entry_cost_missing": "Anggota tidak memiliki cukup untuk biaya ikut undian.",
    "decline.entry_cost_missing.told": "Biaya ikut {cost} {asset}, sedangkan anggota memiliki {available} yang dapat dipakai.",
    "decline.raffle_closed": "Undian tidak menerima peserta lagi: waktunya sudah tiba.",
    # How an award came about.
    "award.draw": "diundi dari tabel hadiah",
    "award.draw.receipt": "terundi {prize} dengan {weight} dari {total} peluang (putaran {round}, urutan {bucket}-{number})",
    "award.draw.preview": "percobaan: terundi {prize} dengan {weight} dari {total} peluang; undian sesungguhnya diundi lagi",
    "award.raffle": "kupon undian",
    "award.raffle.receipt": "kupon undian (putaran {round}, urutan {bucket}-{number})",
    "award.raffle.preview": "kupon undian",
}
