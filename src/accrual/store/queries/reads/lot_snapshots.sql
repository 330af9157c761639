-- The newest snapshot of open lots of a member's accounts of a role, at or below a position. $1 bucket, $2 member_id.
select a.asset_id, n.position, n.lots
from account a
cross join lateral (
    select s.position, s.lots
    from lot_snapshot s
    where s.bucket = a.bucket and s.account = a.account_id and s.position <= $3
    order by s.position desc
    limit 1
) n
where a.bucket = $1 and a.member_id = $2 and a.role = $4
