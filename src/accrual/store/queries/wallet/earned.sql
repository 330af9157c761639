-- Outcomes between two positions in which some versions of a promo gave a member points, or in which points were taken back.
-- $1 bucket, $2 accounts, $3 behind this position, $4 up to it, $5 kind of awards, $6 promo versions, $7 kind of returns.
select distinct l.position, o.payload
from line l
join outcome o on o.bucket = l.bucket and o.position = l.position
where l.bucket = $1
    and l.account = any ($2::bigint[])
    and l.position > $3
    and l.position <= $4
    and ((l.kind = $5 and l.promo_version_id = any ($6::integer[])) or l.kind = $7)
order by l.position
