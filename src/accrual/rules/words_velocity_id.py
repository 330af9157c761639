"""What is said in Indonesian of velocity and of what is held for review; names in braces are values."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "means.held_judged": "Perintah yang ditahan itu sudah disetujui atau ditolak sebelumnya.",
    "means.held_refused": "Perintah yang ditahan sudah diperiksa dan ditolak; tidak ada yang diberikan.",
    "means.held_unknown": "Tidak ada perintah seperti ini yang ditahan untuk diperiksa.",
    "means.too_fast": (
        "Aturan kecepatan program: terlalu banyak kejadian, atau terlalu banyak uang, dalam waktu terlalu singkat. "
        "Tidak ada yang diberikan."
    ),
    "decline.held_judged": "Perintah yang ditahan itu sudah disetujui atau ditolak sebelumnya.",
    "decline.held_refused": "Perintah yang ditahan ditolak; tidak ada yang diberikan.",
    "decline.held_refused.told": "Perintah yang ditahan ditolak; tidak ada yang diberikan. Alasan: {note}",
    "decline.held_unknown": "Tidak ada perintah seperti ini yang ditahan untuk diperiksa.",
    "decline.too_fast": "Terlalu banyak dalam waktu terlalu singkat.",
    "decline.too_fast.count": "Terlalu cepat: aturan {rule} mengizinkan {limit} {whose}.",
    "decline.too_fast.amount": "Terlalu cepat: aturan {rule} mengizinkan {amount} {whose}.",
    "decline.held_for_review.count": "Ditahan untuk diperiksa: aturan {rule} mengizinkan {limit} {whose}.",
    "decline.held_for_review.amount": "Ditahan untuk diperiksa: aturan {rule} mengizinkan {amount} {whose}.",
    "part.velocity.device": "per perangkat setiap {span}",
    "part.velocity.install_id": "per install id setiap {span}",
    "part.velocity.member": "per member setiap {span}",
    "part.velocity.client": "per klien setiap {span}",
    "part.span.minute": "menit",
    "part.span.hour": "jam",
    "part.span.day": "hari",
    "part.span.week": "minggu",
    "part.span.month": "bulan",
}
