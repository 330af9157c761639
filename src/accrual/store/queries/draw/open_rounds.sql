-- Keeps rounds from being closed until the posting that draws in them is done; fewer rows than asked for: one is closed.
select r.promo_id, r.round
from unnest($1::integer[], $2::integer[]) as wanted (promo_id, round)
join draw_round r on r.promo_id = wanted.promo_id and r.round = wanted.round
where r.closed_at is null
for share of r
