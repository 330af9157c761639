"""What is said in Indonesian of movements of points that were declined; the same keys and names in braces as in English."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.already_refunded": "Semua poin yang diambil penukaran itu sudah dikembalikan sebelumnya.",
    "means.already_returned": "Semua yang didapat dari pembelian yang dikembalikan itu sudah ditarik sebelumnya.",
    "means.asset_unknown": "Program tidak punya aset dengan kode ini.",
    "means.below_threshold": "Member di tingkat ini baru boleh menukar mulai saldo tertentu, dan saldonya kurang.",
    "means.hold_expired": "Waktu penahanan poin sudah habis; poin itu bebas kembali.",
    "means.hold_resolved": "Poin yang ditahan sudah dipakai atau dilepas sebelumnya.",
    "means.hold_unknown": "Member tidak menahan apa pun dengan tiket ini.",
    "means.holds_open": "Member masih punya poin yang ditahan; pakai atau lepas dahulu, baru digabung.",
    "means.insufficient_points": "Poin member yang dapat dipakai kurang dari yang diminta.",
    "means.more_than_bought": "Jumlah baris yang dikembalikan melebihi yang dibeli dan belum dikembalikan.",
    "means.more_than_held": "Yang akan dipakai lebih banyak daripada yang ditahan.",
    "means.more_than_taken": "Yang akan dikembalikan melebihi sisa yang diambil penukaran itu.",
    "means.part_unknown": "Pembelian itu tidak punya kejadian atau baris seperti ini.",
    "means.purchase_unknown": (
        "Member tidak punya pembelian seperti ini: tiketnya bukan tiket pembelian, "
        "atau pengembalian sudah menunggunya selama yang ditentukan program."
    ),
    "means.redemption_unknown": "Member tidak punya penukaran seperti ini.",
    "means.self_merge": "Member tidak dapat digabung dengan dirinya sendiri.",
    "means.self_transfer": "Poin tidak dapat dikirim kepada pemiliknya sendiri.",
    # One case of a code, with its values where they are known.
    "decline.already_refunded": "Semua poin yang diambil penukaran itu sudah dikembalikan.",
    "decline.already_refunded.told": "Semua {taken} unit yang diambil penukaran itu sudah dikembalikan.",
    "decline.already_returned": "Semua yang didapat dari pembelian itu sudah ditarik sebelumnya.",
    "decline.asset_unknown": "Program tidak punya aset dengan kode ini.",
    "decline.asset_unknown.told": "Program tidak punya aset {asset}.",
    "decline.below_threshold": "Saldo member di bawah batas minimal penukaran.",
    "decline.below_threshold.told": "Member boleh menukar mulai saldo {threshold} unit, dan saldonya {posted}.",
    "decline.hold_expired": "Waktu penahanan poin sudah habis.",
    "decline.hold_resolved": "Poin yang ditahan sudah dipakai atau dilepas sebelumnya.",
    "decline.hold_unknown": "Member tidak menahan apa pun dengan tiket ini.",
    "decline.holds_open": "Member masih punya poin yang ditahan; pakai atau lepas dahulu.",
    "decline.insufficient_points": "Poin member yang dapat dipakai kurang dari yang diminta.",
    "decline.insufficient_points.told": "Member punya {available} unit yang dapat dipakai, dan yang diminta {wanted}.",
    "decline.more_than_bought": "Yang dikembalikan melebihi yang dibeli dan belum dikembalikan.",
    "decline.more_than_bought.told": "Yang dikembalikan dari satu baris terlalu banyak: sisanya {left}.",
    "decline.more_than_held": "Yang akan dipakai lebih banyak daripada yang ditahan.",
    "decline.more_than_held.told": "Yang ditahan {held} unit, dan yang akan dipakai {wanted}.",
    "decline.more_than_taken": "Yang akan dikembalikan melebihi yang diambil penukaran itu.",
    "decline.more_than_taken.told": "Sisa penukaran itu {left} unit, dan yang akan dikembalikan {wanted}.",
    "decline.part_unknown": "Pembelian itu tidak punya kejadian atau baris seperti ini.",
    "decline.purchase_unknown": "Member tidak punya pembelian seperti ini.",
    "decline.redemption_unknown": "Member tidak punya penukaran seperti ini.",
    "decline.self_merge": "Member tidak dapat digabung dengan dirinya sendiri.",
    "decline.self_transfer": "Poin tidak dapat dikirim kepada pemiliknya sendiri.",
}
