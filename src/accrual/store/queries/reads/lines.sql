-- Lines of members' accounts at one position each, in leg order. $1 buckets, $2 member ids, $3 positions, one a place.
select l.bucket, l.position, a.asset_id, a.role, l.leg, l.kind, l.amount, l.balance_after, l.active_at, l.expires_at
from unnest($1::integer[], $2::bytea[], $3::bigint[]) as u (bucket, member_id, position)
join account a on a.bucket = u.bucket and a.member_id = u.member_id
join line l on l.bucket = a.bucket and l.account = a.account_id and l.position = u.position
where a.bucket = any ($1::integer[])
order by l.bucket, l.position, l.leg
