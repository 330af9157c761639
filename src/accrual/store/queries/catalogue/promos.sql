-- Reads the promos of a programme with all their versions, oldest first, and who saved each.
select promo.promo_id, promo.origin, saved.promo_version_id, saved.version, saved.revision, saved.effective_from,
    saved.document, saved.actor, saved.recorded_at
from promo join promo_version saved on saved.promo_id = promo.promo_id
where promo.programme_id = $1
order by promo.promo_id, saved.version
