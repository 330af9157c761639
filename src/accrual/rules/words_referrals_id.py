"""What is said in Indonesian of referrals; names in braces are values."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.existing_member": "Orang ini sudah menjadi member: kegiatan pertamanya lebih lama dari masa tenggang program.",
    "means.held_for_review": (
        "Member lain pernah terlihat dengan perangkat yang sama, atau terlalu banyak dalam waktu terlalu singkat menurut "
        "aturan yang menahan selebihnya: tidak ada yang dibayar atau ditolak sebelum diperiksa."
    ),
    "means.referral_cycle": "Pengajaknya justru diajak oleh member ini, langsung atau lewat member lain.",
    "means.referral_judged": "Rujukan ini sudah pernah disetujui atau ditolak.",
    "means.referral_not_accepted": "Tidak ada rujukan member yang berlaku: ditolak, atau masih menunggu pemeriksaan.",
    "means.referral_refused": "Rujukan sudah diperiksa dan ditolak.",
    "means.referral_unknown": "Tidak ada rujukan seperti itu yang ditahan untuk diperiksa.",
    # One case of a code, with its values where they are known.
    "decline.existing_member": "Orang ini sudah menjadi member: kegiatan pertamanya lebih lama dari masa tenggang program.",
    "decline.held_for_review": "Member lain pernah terlihat dengan perangkat yang sama: rujukan ditahan untuk diperiksa.",
    "decline.held_for_review.told": (
        "Member lain pernah terlihat dengan perangkat yang sama: rujukan ditahan untuk diperiksa sebagai {id}."
    ),
    "decline.referral_cycle": "Pengajaknya justru diajak oleh member ini, langsung atau lewat member lain.",
    "decline.referral_judged": "Rujukan ini sudah pernah disetujui atau ditolak.",
    "decline.referral_not_accepted": "Tidak ada rujukan member yang berlaku, jadi tidak ada pengajak yang dibayar.",
    "decline.referral_refused": "Rujukan ditolak.",
    "decline.referral_refused.told": "Rujukan {id} ditolak: {note}",
    "decline.referral_unknown": "Tidak ada rujukan seperti itu yang ditahan untuk diperiksa.",
}
