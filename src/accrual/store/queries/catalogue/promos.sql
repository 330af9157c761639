-- Reads the promos of a programme, each with its newest version.
select distinct on (promo.promo_id) promo.promo_id, promo.origin, newest.promo_version_id, newest.version,
    newest.revision, newest.effective_from, newest.document
from promo join promo_version newest on newest.promo_id = promo.promo_id
where promo.programme_id = $1
order by promo.promo_id, newest.version desc
