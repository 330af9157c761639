-- Lines of members' accounts at one position each, in leg order. $1 buckets, $2 member ids, $3 positions, one a place.
select l.bucket, l.position, a.asset_id, a.role, l.leg, l.kind, l.amount, l.balance_after, l.active_at, l.expires_at
from unnest($1::integer[], $2::bytea[], $3::bigint[]) as u (bucket, member_id, position)
cross join lateral (
    select h.bucket, h.account_id, h.asset_id, h.role
    from account h
    where h.bucket = u.bucket and h.member_id = u.member_id
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) a
cross join lateral (
    select k.bucket, k.position, k.leg, k.kind, k.amount, k.balance_after, k.active_at, k.expires_at
    from line k
    where k.bucket = a.bucket and k.account = a.account_id and k.position = u.position
    offset 0
) l
order by l.bucket, l.position, l.leg
