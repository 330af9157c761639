-- Lines of some accounts over a stretch of the log. $1 bucket, $2 accounts, $3 first position, $4 last position.
select l.bucket, l.account, l.position, l.leg, l.contra, l.amount, l.balance_after, l.held_after, l.kind, l.promo_version_id,
       l.active_at, l.expires_at, l.occurred_at, l.covers_from, l.origin_bucket, l.origin_position, l.origin_leg
from unnest($2::bigint[]) as u (account)
cross join lateral (
    select k.bucket, k.account, k.position, k.leg, k.contra, k.amount, k.balance_after, k.held_after, k.kind, k.promo_version_id,
           k.active_at, k.expires_at, k.occurred_at, k.covers_from, k.origin_bucket, k.origin_position, k.origin_leg
    from line k
    where k.bucket = $1 and k.account = u.account and k.position between $3 and $4
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) l
order by l.position, l.leg, l.account
