-- Accounts with lots that become active in a stretch of time, by account. $1 bucket, $2 since, $3 until, $4 after which, $5 limit.
select d.account, a.programme_id, a.asset_id, a.role, m.member_id, d.first_at, d.last_at, d.newest
from (
    select k.account, min(k.active_at) as first_at, max(k.active_at) as last_at, max(k.position) as newest
    from line k
    where k.bucket = $1 and k.active_at > $2 and k.active_at <= $3 and k.account > $4
    group by k.account
    order by k.account
    limit $5
) d
left join account a on a.bucket = $1 and a.account_id = d.account
left join member m on m.bucket = $1 and m.member_id = a.member_id and m.merged_into is null
order by d.account
