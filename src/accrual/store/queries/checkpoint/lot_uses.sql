-- Uses of lots by some accounts over a stretch of the log. $1 bucket, $2 accounts, $3 first position, $4 last position.
select l.bucket, l.account, l.position, l.lot_position, l.lot_leg, l.amount, l.kind
from unnest($2::bigint[]) as u (account)
cross join lateral (
    select k.bucket, k.account, k.position, k.lot_position, k.lot_leg, k.amount, k.kind
    from lot_use k
    where k.bucket = $1 and k.account = u.account and k.position between $3 and $4
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) l
order by l.position, l.account, l.lot_position, l.lot_leg
