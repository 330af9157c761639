-- The first instant of each bucket at which something falls due. $1 buckets, $2 since when, indexed by bucket; $3 until.
-- $4 and $5: how many seconds ahead notices go out, and behind which instant a lot must expire for that; $6: overdue holds count.
select l.bucket, d.step, d.at
from lane l
cross join lateral (
    select 'activate' as step, min(k.active_at) as at
    from line k
    where k.bucket = l.bucket and k.active_at > ($2::timestamptz[])[l.bucket + 1] and k.active_at <= $3
    union all
    select 'expire', min(k.expires_at)
    from line k
    where k.bucket = l.bucket and k.expires_at > ($2::timestamptz[])[l.bucket + 1] and k.expires_at <= $3
    union all
    select 'holds', min(h.expires_at)
    from hold h
    where h.bucket = l.bucket
        and h.resolved_position is null
        and (h.expires_at > ($2::timestamptz[])[l.bucket + 1] or $6)
        and h.expires_at <= $3
    union all
    select 'notices', (
        select min(k.expires_at) - n.ahead_s * interval '1 second'
        from line k
        where k.bucket = l.bucket
            and k.expires_at > greatest(($2::timestamptz[])[l.bucket + 1] + n.ahead_s * interval '1 second', n.behind)
            and k.expires_at <= $3 + n.ahead_s * interval '1 second'
    )
    from unnest($4::integer[], $5::timestamptz[]) as n (ahead_s, behind)
) d
where l.bucket = any ($1::integer[]) and d.at is not null
