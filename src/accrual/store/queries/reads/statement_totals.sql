-- What lines of each kind add up to on a member's accounts. $1 bucket, $2 member_id, $3 behind a position, $4 up to one, $5 asset.
select a.asset_id, a.role, l.kind, count(*), sum(l.amount)::bigint
from account a
join line l on l.bucket = a.bucket and l.account = a.account_id and l.position > $3 and l.position <= $4
where a.bucket = $1 and a.member_id = $2 and ($5::integer is null or a.asset_id = $5)
group by a.asset_id, a.role, l.kind
order by a.asset_id, a.role, l.kind
