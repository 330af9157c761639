-- Opens the first round of a promo that draws; nothing where it has one.
insert into draw_round (promo_id, round, programme_id, revision, commitment, recorded_at, actor, scheme, shared, beacon)
select promo.promo_id, 1, promo.programme_id, $3, $4, $5, $6, $7, $8, $9
from promo
where promo.programme_id = $1 and promo.code = $2
    and not exists (select from draw_round known where known.promo_id = promo.promo_id)
returning promo_id
