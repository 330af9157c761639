-- One page of a bucket's entries of a raffle in order; records without tickets are no entries.
select e.bucket, e.number, e.units, e.member_id, e.position
from draw_entry e
where e.bucket = $1 and e.promo_id = $2 and e.round = $3 and e.number > $4 and e.units > 0
order by e.number
limit $5
