-- Credits of a member's accounts of a role behind their newest snapshot, up to a position. $1 bucket, $2 member_id.
select a.asset_id, k.position, k.leg, k.amount, k.expires_at, k.active_at, k.origin_bucket, k.origin_position,
       k.origin_leg
from account a
cross join lateral (
    select coalesce(max(s.position), 0) as since
    from lot_snapshot s
    where s.bucket = a.bucket and s.account = a.account_id and s.position <= $3
) n
join line k on k.bucket = a.bucket and k.account = a.account_id and k.position > n.since and k.position <= $3
where a.bucket = $1 and a.member_id = $2 and a.role = $4 and k.amount > 0
