"""What is said of awards, declines and commands in Indonesian; the same keys and names in braces as in English."""

from __future__ import annotations

from collections.abc import Mapping

THOUSANDS, DECIMALS = ".", ","

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.already_checked_in": "Member sudah check-in pada hari ini menurut kalender program, atau kalender promo sendiri.",
    "means.already_referred": "Member sudah punya pengajak: rujukan pertama yang diterima berlaku seumur hidup.",
    "means.already_registered": "Member sudah pernah mendaftar; pendaftaran hanya dihitung sekali.",
    "means.amount_too_small": "Hasil hitungan promo, atau yang akan dipindahkan, kurang dari satu unit utuh.",
    "means.budget_exhausted": (
        "Anggaran promo sudah habis, atau sisanya kurang dari yang akan diberikan dan promo memilih menolak."
    ),
    "means.capped": "Promo di jalur cap tidak menyisakan apa pun dari batas atas untuk seluruh perintah.",
    "means.condition_failed": (
        "Syarat promo tidak dapat dinilai dengan nilai-nilai ini, sehingga tidak ada yang diberikan."
    ),
    "means.condition_false": (
        "Syarat promo tidak terpenuhi; bagian pertama yang tidak benar disebutkan beserta nilainya."
    ),
    "means.held_out": (
        "Member termasuk kelompok kontrol promo, yang tidak mendapat apa-apa agar dampak promo dapat diukur."
    ),
    "means.limit_reached": (
        "Batas promo sudah habis dalam periode kejadian: batas per member, "
        "per outlet, per perangkat, atau batas promo itu sendiri; atau batas hadiah per member."
    ),
    "means.member_unknown": (
        "Identitas ini tidak dikenal, dan pengaturan `enrol` program "
        "tidak mendaftarkan member baru lewat panggilan seperti ini."
    ),
    "means.not_in_audience": "Member tidak ada di daftar maupun segmen yang dituju promo.",
    "means.not_started": "Kejadian berlangsung sebelum masa promo dimulai.",
    "means.nothing_parked": "Perintah yang diminta diulang sudah pernah diulang; jawabannya tetap berlaku.",
    "means.outranked": "Promo eksklusif mendapat giliran lebih dulu di jalur yang sama dan sudah memberi sesuatu.",
    "means.profile_refused": "Perubahan profil member tidak dapat dilakukan: isinya tidak diizinkan atau terlalu banyak.",
    "means.promo_code_missing": "Promo meminta salah satu kode promonya, dan panggilan tidak membawa satu pun.",
    "means.promo_paused": "Promo sedang dihentikan sementara pada saat itu.",
    "means.referrer_mismatch": (
        "Panggilan menyebut pengajak yang berbeda dari yang tercatat; yang mendapat hadiah adalah yang tercatat."
    ),
    "means.self_referral": "Pengajak yang disebut adalah member itu sendiri.",
    "means.window_closed": "Kejadian berlangsung setelah masa promo berakhir.",
    "means.wrong_date": "Promo hanya berlaku pada tanggal tertentu, dan kejadian bukan pada tanggal itu.",
    "means.wrong_day": "Promo hanya berlaku pada hari tertentu, dan kejadian bukan pada hari itu.",
    "means.wrong_hour": "Promo hanya berlaku pada jam tertentu, dan kejadian di luar jam itu.",
    # One case of a code, with its values where they are known.
    "decline.already_checked_in": "Member sudah check-in pada hari ini menurut kalender program.",
    "decline.already_referred": "Member sudah punya pengajak: rujukan pertama yang diterima berlaku seumur hidup.",
    "decline.already_registered": "Member sudah pernah mendaftar; pendaftaran hanya dihitung sekali.",
    "decline.amount_too_small": "Hasilnya kurang dari satu unit utuh.",
    "decline.amount_too_small.money": "{basis} terlalu kecil untuk mendapatkan sesuatu.",
    "decline.amount_too_small.nothing_given": (
        "Tidak ada yang dapat dikalikan: sejauh ini perintah mendapat {basis} unit."
    ),
    "decline.amount_too_small.no_rule": "Tidak satu pun aturan yang dilayani promo ini diminta.",
    "decline.budget_exhausted": "Anggaran promo sudah habis.",
    "decline.budget_exhausted.left": "Anggaran promo {limit} unit, dan tersisa {left}.",
    "decline.budget_exhausted.wanted": "Anggaran promo {limit} unit, dan tersisa {left}; yang dibutuhkan {wanted}.",
    "decline.capped": "Batas atas untuk seluruh perintah tidak menyisakan apa pun bagi promo ini.",
    "decline.capped.by": (
        "{by} membatasi seluruh perintah pada {ceiling} unit, dan tidak ada sisanya; yang dibutuhkan {wanted}."
    ),
    "decline.condition_failed": "Syarat tidak dapat dinilai.",
    "decline.condition_failed.part": "Syarat `{part}` tidak dapat dinilai: {error}.",
    "decline.condition_failed.values": "Syarat `{part}` tidak dapat dinilai ({values}): {error}.",
    "decline.condition_false": "Syarat tidak terpenuhi.",
    "decline.condition_false.part": "Syarat `{part}` tidak terpenuhi.",
    "decline.condition_false.values": "Syarat `{part}` tidak terpenuhi: {values}.",
    "decline.held_out": (
        "Member termasuk kelompok kontrol promo dan tidak mendapat apa-apa, agar dampak promo dapat diukur."
    ),
    "decline.held_out.share": (
        "Member termasuk kelompok kontrol promo, {share} % dari sasaran, "
        "dan tidak mendapat apa-apa, agar dampak promo dapat diukur."
    ),
    "decline.limit_reached": "Batas promo ini sudah habis.",
    "decline.limit_reached.used": "Batasnya {limit} {what} {whose}, dan {used} sudah terpakai.",
    "decline.limit_reached.used_wanted": (
        "Batasnya {limit} {what} {whose}, dan {used} sudah terpakai; yang dibutuhkan {wanted}."
    ),
    "decline.limit_reached.left": "Batasnya {limit} {what} {whose}, dan tersisa {left}.",
    "decline.limit_reached.left_wanted": (
        "Batasnya {limit} {what} {whose}, dan tersisa {left}; yang dibutuhkan {wanted}."
    ),
    "decline.member_unknown": (
        "Identitas ini tidak dikenal, dan program tidak mendaftarkan member baru lewat panggilan seperti ini."
    ),
    "decline.not_in_audience": "Member tidak ada di daftar maupun segmen yang dituju promo.",
    "decline.not_in_audience.named": "Promo ini untuk {audience}, dan member tidak termasuk satu pun.",
    "decline.not_started": "Promo belum dimulai.",
    "decline.not_started.at": "Promo dimulai pada {at} ({zone}).",
    "decline.nothing_parked": "Perintah yang diminta diulang sudah pernah diulang; jawabannya tetap berlaku.",
    "decline.outranked": (
        "Promo lain mendapat giliran lebih dulu di jalur yang sama, sudah memberi, dan berlaku sendirian."
    ),
    "decline.outranked.by": (
        "{by} mendapat giliran lebih dulu di jalur yang sama, sudah memberi, dan berlaku sendirian."
    ),
    "decline.profile_refused": "Perubahan profil member tidak dapat dilakukan.",
    "decline.profile_refused.problem": "Perubahan profil member tidak dapat dilakukan: {problem}.",
    "decline.promo_code_missing": "Promo meminta salah satu kode promonya, dan panggilan tidak membawa satu pun.",
    "decline.promo_paused": "Promo sedang dihentikan sementara.",
    "decline.referrer_mismatch": (
        "Panggilan menyebut pengajak yang berbeda dari yang tercatat; yang mendapat hadiah adalah yang tercatat."
    ),
    "decline.self_referral": "Pengajak yang disebut adalah member itu sendiri.",
    "decline.window_closed": "Promo sudah berakhir.",
    "decline.window_closed.at": "Promo berakhir pada {at} ({zone}).",
    "decline.wrong_date": "Promo tidak berlaku pada tanggal itu.",
    "decline.wrong_date.at": "Promo berlaku pada {dates}; kejadiannya {at} ({zone}).",
    "decline.wrong_day": "Promo tidak berlaku pada hari itu.",
    "decline.wrong_day.at": "Promo berlaku pada hari {days}; kejadiannya {at} ({zone}).",
    "decline.wrong_hour": "Promo tidak berlaku pada jam itu.",
    "decline.wrong_hour.at": "Promo berlaku pukul {hours}; kejadiannya {at} ({zone}).",
    "declined.otherwise": "Tidak diberikan: {reason}.",
    "declined.otherwise_with": "Tidak diberikan: {reason} ({details}).",
    # How an award came about, by the benefit's kind.
    "award.fixed": "jumlah tetap",
    "award.fixed.facts": "jumlah tetap untuk {facts} kejadian",
    "award.points_per": "sekian untuk setiap kelipatan",
    "award.points_per.of": "{give} untuk setiap {every} dari {basis}",
    "award.percent": "persentase dari {basis}",
    "award.percent.of": "{percent} % dari {basis}",
    "award.issuing": "untuk aturan yang diminta",
    "award.issuing.rules": "untuk {count} aturan promo yang diminta",
    "award.multiplier": "tambahan atas {basis} yang sudah diberikan",
    "award.multiplier.base": "{times} kali {basis} dari jalur base, dikurangi {basis} itu sendiri",
    "award.multiplier.all": "{times} kali {basis} yang diberikan sejauh ini, dikurangi {basis} itu sendiri",
    "award.bracket": "menurut jumlah {basis}",
    "award.bracket.give": "untuk jumlah {basis}, golongan mulai {start}",
    "award.bracket.percent": "{percent} % dari {basis}, golongan mulai {start}",
    "award.voucher": "voucher dengan kode masing-masing",
    "award.voucher.codes": "dengan kode {codes}",
    "award.otherwise": "{reason}",
    # What else is said of an award.
    "award_with.limit": "menurut promo {wanted}, dikurangi menjadi sisa dari {limit} {whose}",
    "award_with.budget": "menurut promo {wanted}, dikurangi menjadi sisa anggaran atau batas promo sebesar {limit}",
    "award_with.ceiling": (
        "menurut promo {wanted}, dikurangi oleh {by}, yang membatasi seluruh perintah pada {ceiling}"
    ),
    "award_with.levels": "dikalikan faktor level member, {levels}",
    "award_with.lines": "dibagi ke {lines}",
    "award_with.many_lines": "dibagi ke {count} baris",
    # Parts of sentences.
    "part.award": "pemberian",
    "part.awards": "pemberian",
    "part.units": "unit",
    "part.whose.member": "per member",
    "part.whose.outlet": "per outlet",
    "part.whose.device": "per perangkat",
    "part.whose.promo": "untuk seluruh promo",
    "part.every.day": "setiap hari",
    "part.every.week": "setiap minggu",
    "part.every.month": "setiap bulan",
    "part.every.year": "setiap tahun",
    "part.every.ever": "untuk selamanya",
    "part.value": "{name} adalah {value}",
    "part.absent": "{name} tidak ada",
    "part.line": "baris {line}: {units}",
    "part.fact_line": "kejadian {fact}, baris {line}: {units}",
    "part.level": "{times} pada {level}",
    "part.birthday": "hari ulang tahun member",
    "part.last": "hari terakhir setiap bulan",
    "part.month_day": "tanggal {day} setiap bulan",
    "part.and": "{some} dan {last}",
    "part.or": "{some} atau {last}",
    "part.list": "daftar {name}",
    "part.segment": "segmen {name}",
    "day.mon": "Senin",
    "day.tue": "Selasa",
    "day.wed": "Rabu",
    "day.thu": "Kamis",
    "day.fri": "Jumat",
    "day.sat": "Sabtu",
    "day.sun": "Minggu",
    # What came of a command.
    "story.ticket": "Tiket {ticket}",
    "story.came": "{who} melakukan `{action}` pada {at}, disampaikan oleh klien {client} dalam bahasa {dialect}.",
    "story.recorded": "Dicatat pada {at} sebagai posisi {position} di bucket {bucket}, dalam program {programme}.",
    "story.parent": "Ini kelanjutan dari tiket {ticket}.",
    "story.retry_of": "Ini mengulang tiket {ticket}, yang sebelumnya disisihkan.",
    "story.waiting": "Sudah diterima dan belum diputuskan; akan ditangani oleh lane. Lihat: accrual doctor.",
    "story.parked": "Tidak dapat diputuskan dan disisihkan; tidak ada yang diberikan. Kesalahannya: {error}",
    "story.retry_how": "Setelah penyebabnya diperbaiki: accrual parked retry {ticket}",
    "story.decided": "Diputuskan menurut revisi {revision} dari program.",
    "story.nothing": (
        "Tidak ada promo dalam program yang menanggapi kejadian seperti "
        "ini, jadi tidak ada yang diberikan maupun ditolak."
    ),
    "story.tier.earned": "^ Level {before} -> {after}: {earned} diperoleh, syaratnya {threshold}; berlaku mulai sekarang.",
    "story.tier.hand": "^ Level {before} -> {after}, ditetapkan manual; {earned} diperoleh.",
    "story.tier.review": "v Level {before} -> {after}: {earned} diperoleh; periode dan tenggangnya sudah lewat.",
    "story.tier.merger": "^ Level {before} -> {after}, yang lebih tinggi dari kedua member atau hasil gabungan ({earned}).",
    "story.profile": "Data member diubah seperti diminta; berlaku untuk kejadian sesudahnya.",
    "story.considered": "Promo yang dipertimbangkan: {promos}.",
    "story.gave": "+ {promo} (versi {version}) memberi {text}",
    "story.gave_named": "+ {promo} (versi {version}, {name}) memberi {text}",
    "story.active": "Aktif mulai {at}.",
    "story.expires": "Kedaluwarsa pada {at}.",
    "story.programme": "Program",
    "story.promo": "{promo} (versi {version})",
    "story.declined": "- {who} tidak memberi apa-apa ({reason}): {text}",
    "story.line": "= Akun {account}: {amount} ({kind}), lalu {balance}.",
    "story.under_way": "Kelanjutannya masih diproses.",
    "story.followed": "Sebagai kelanjutannya, atas nama member lain:",
    "story.tried_again": "Perintah ini diulang:",
}
