-- Members and their accounts of an asset as commands left them; what is asked is sliced by bucket with offsets as usual.
-- $1 buckets, $2 offsets, $3 its numbers, $4 member_ids, $5 main, $6 pending and $7 debt accounts, $8 positions of the commands,
-- $9 positions behind which lines are summed, $10 kinds that spend or give back, $11 the kind of mergers, $12 of awards,
-- $13 of returns, $14 promo versions whose awards are wanted. The limits keep the planner to index probes.
select u.number, m.enrolled_at, m.enrolled_position, p.document, c.facts, o.status, main.balance_after, pending.balance_after,
       s.spent, s.joined, e.payloads
from lane l
cross join lateral unnest(
    ($3::integer[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($4::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($5::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($6::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($7::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($8::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($9::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
) as u (number, member_id, main, pending, debt, position, behind)
cross join lateral (
    select m.enrolled_at, m.enrolled_position
    from member m
    where m.bucket = l.bucket and m.member_id = u.member_id
    limit 1
) m
cross join lateral (select c.facts from command c where c.bucket = l.bucket and c.position = u.position limit 1) c
cross join lateral (select o.status from outcome o where o.bucket = l.bucket and o.position = u.position limit 1) o
left join lateral (
    select p.document
    from profile p
    where p.bucket = l.bucket and p.member_id = u.member_id and p.position <= u.position
    order by p.position desc
    limit 1
) p on true
left join lateral (
    select k.balance_after
    from line k
    where k.bucket = l.bucket and k.account = u.main and k.position <= u.position
    order by k.position desc, k.leg desc
    limit 1
) main on true
left join lateral (
    select k.balance_after
    from line k
    where k.bucket = l.bucket and k.account = u.pending and k.position <= u.position
    order by k.position desc, k.leg desc
    limit 1
) pending on true
cross join lateral (
    select -coalesce(sum(k.amount) filter (where k.account = u.main and k.kind = any ($10::smallint[])), 0)::bigint as spent,
           coalesce(bool_or(k.kind = $11 and k.amount > 0), false) as joined
    from line k
    where k.bucket = l.bucket and k.account in (u.main, u.pending) and k.position > u.behind and k.position <= u.position
) s
cross join lateral (
    select array_agg(f.payload order by f.position) as payloads
    from (
        select distinct k.position, d.payload
        from line k
        cross join lateral (
            select o.payload from outcome o where o.bucket = l.bucket and o.position = k.position limit 1
        ) d
        where k.bucket = l.bucket
            and k.account in (u.main, u.pending, u.debt)
            and k.position > u.behind
            and k.position <= u.position
            and ((k.kind = $12 and k.promo_version_id = any ($14::integer[])) or k.kind = $13)
    ) f
) e
where l.bucket = any ($1::integer[])
