-- One page of a bucket's entries of a round with their outcomes, in order.
select e.number, e.chain, o.payload
from draw_entry e
join outcome o on o.bucket = e.bucket and o.position = e.position
where e.bucket = $1 and e.promo_id = $2 and e.round = $3 and e.number > $4
order by e.number
limit $5
