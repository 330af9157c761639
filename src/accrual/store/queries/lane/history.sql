-- Decided commands of members, newest $5 positions each, recorded since $4; one tried again counts where it was decided.
select u.member_id, f.position, coalesce(o.recorded_at, c.recorded_at) as recorded_at, coalesce(o.facts, c.facts) as facts
from lane l
cross join lateral unnest(($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (member_id)
cross join lateral (
    select found.position
    from (
        select n.position
        from account a
        cross join lateral (
            select distinct k.position
            from line k
            where k.bucket = a.bucket and k.account = a.account_id
            order by k.position desc
            limit $5
        ) n
        where a.bucket = l.bucket and a.member_id = u.member_id
        union
        (
            select p.position
            from unposted p
            where p.bucket = l.bucket and p.member_id = u.member_id
            order by p.position desc
            limit $5
        )
    ) found
    order by found.position desc
    limit $5
) f
join command c on c.bucket = l.bucket and c.position = f.position
left join parked q on q.bucket = l.bucket and q.resumed_position = f.position
left join command o on o.bucket = q.bucket and o.position = q.position
where l.bucket = any ($1::integer[])
    and c.recorded_at >= $4
    and not exists (
        select 1 from parked x where x.bucket = l.bucket and x.position = f.position and x.parked_at is not null
    )
