-- Where the entries of rounds end in buckets; the wanted rounds are sliced by bucket with offsets indexed by bucket.
select l.bucket, u.promo_id, u.round, n.number, n.chain
from lane l
cross join lateral unnest(
    ($3::integer[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($4::integer[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
) as u (promo_id, round)
cross join lateral (
    select e.number, e.chain
    from draw_entry e
    where e.bucket = l.bucket and e.promo_id = u.promo_id and e.round = u.round
    order by e.number desc
    limit 1
) n
where l.bucket = any ($1::integer[])
