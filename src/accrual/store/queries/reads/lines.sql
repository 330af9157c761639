-- Lines of a member's accounts at some positions, in leg order. $1 bucket, $2 member_id, $3 positions.
select l.position, a.asset_id, a.role, l.leg, l.kind, l.amount, l.balance_after, l.active_at, l.expires_at
from account a
join line l on l.bucket = a.bucket and l.account = a.account_id
where a.bucket = $1 and a.member_id = $2 and l.position = any ($3::bigint[])
order by l.position, l.leg
