-- What was taken from lots of a member's accounts of a role behind their newest snapshot, up to a position.
-- $1 bucket, $2 member_id, $3 position, $4 role.
select a.asset_id, k.lot_position, k.lot_leg, k.amount
from account a
cross join lateral (
    select coalesce(max(s.position), 0) as since
    from lot_snapshot s
    where s.bucket = a.bucket and s.account = a.account_id and s.position <= $3
) n
join lot_use k on k.bucket = a.bucket and k.account = a.account_id and k.position > n.since and k.position <= $3
where a.bucket = $1 and a.member_id = $2 and a.role = $4
