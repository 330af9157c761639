-- One page of a bucket's entries of a round with their outcomes, in order.
select e.number, e.units, e.member_id, c.ticket, o.payload
from draw_entry e
join command c on c.bucket = e.bucket and c.position = e.position
join outcome o on o.bucket = e.bucket and o.position = e.position
where e.bucket = $1 and e.promo_id = $2 and e.round = $3 and e.number > $4
order by e.number
limit $5
