-- Reads a page of a programme's promos by code, each with all its versions. $1 programme, $2 code before, $3 promos.
select page.promo_id, page.origin, saved.promo_version_id, saved.version, saved.revision, saved.effective_from,
    saved.document, saved.actor, saved.recorded_at
from (
    select promo.promo_id, promo.origin, promo.code
    from promo
    where promo.programme_id = $1 and promo.code > $2
    order by promo.code
    limit $3
) page
join promo_version saved on saved.promo_id = page.promo_id
order by page.code, saved.version
