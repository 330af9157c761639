-- Appends a version to a promo; versions are never changed.
insert into promo_version (promo_version_id, programme_id, promo_id, version, revision, recorded_at, actor,
    effective_from, document)
select (select coalesce(max(promo_version_id), 0) + 1 from promo_version), promo.programme_id, promo.promo_id,
    (select coalesce(max(version), 0) + 1 from promo_version known where known.promo_id = promo.promo_id),
    $2, $3, $4, $6, $7
from promo where promo.programme_id = $1 and promo.code = $5
