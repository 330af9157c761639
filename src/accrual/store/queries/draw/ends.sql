-- Where the entries of a round end in every bucket that has any.
select l.bucket, n.number, n.chain
from lane l
cross join lateral (
    select e.number, e.chain
    from draw_entry e
    where e.bucket = l.bucket and e.promo_id = $1 and e.round = $2
    order by e.number desc
    limit 1
) n
order by l.bucket
