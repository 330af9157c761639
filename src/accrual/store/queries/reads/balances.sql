-- The newest line of each account of a member at or below a position. $1 bucket, $2 member_id, $3 position.
select a.asset_id, a.role, n.balance_after, n.held_after
from account a
cross join lateral (
    select l.balance_after, l.held_after
    from line l
    where l.bucket = a.bucket and l.account = a.account_id and l.position <= $3
    order by l.position desc, l.leg desc
    limit 1
) n
where a.bucket = $1 and a.member_id = $2
