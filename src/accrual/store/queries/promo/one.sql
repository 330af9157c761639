-- Reads one promo with all its versions, oldest first. $1 programme, $2 code.
select promo.promo_id, promo.origin, saved.promo_version_id, saved.version, saved.revision, saved.effective_from,
    saved.document, saved.actor, saved.recorded_at
from promo join promo_version saved on saved.promo_id = promo.promo_id
where promo.programme_id = $1 and promo.code = $2
order by saved.version
