-- Lines of a member's accounts in their order, behind ($3, $4) and up to position $5. $1 bucket, $2 member_id, $6 asset, $7 limit.
select n.position, n.leg, a.asset_id, a.role, n.kind, n.amount, n.balance_after, n.held_after, n.promo_version_id,
       n.occurred_at, n.active_at, n.expires_at
from account a
cross join lateral (
    select l.position, l.leg, l.kind, l.amount, l.balance_after, l.held_after, l.promo_version_id, l.occurred_at,
           l.active_at, l.expires_at
    from line l
    where l.bucket = a.bucket and l.account = a.account_id and (l.position, l.leg) > ($3, $4) and l.position <= $5
    order by l.position, l.leg
    limit $7
) n
where a.bucket = $1 and a.member_id = $2 and ($6::integer is null or a.asset_id = $6)
order by n.position, n.leg
limit $7
