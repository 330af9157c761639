-- A member's accounts that have a line by a position: the balance before a stretch of positions and at its end.
-- $1 bucket, $2 member_id, $3 behind which position, $4 up to which, $5 the asset or null for all.
select a.asset_id, a.role, coalesce(o.balance_after, 0), c.balance_after
from account a
cross join lateral (
    select l.balance_after
    from line l
    where l.bucket = a.bucket and l.account = a.account_id and l.position <= $4
    order by l.position desc, l.leg desc
    limit 1
) c
left join lateral (
    select l.balance_after
    from line l
    where l.bucket = a.bucket and l.account = a.account_id and l.position <= $3
    order by l.position desc, l.leg desc
    limit 1
) o on true
where a.bucket = $1 and a.member_id = $2 and ($5::integer is null or a.asset_id = $5)
order by a.asset_id, a.role
