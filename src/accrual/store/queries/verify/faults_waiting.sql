-- Failed commands, reviews and waiting returns that differ from the log. $1 bucket, $2 cursor, $3 limit.
(
    select 'failed' as check, o.position as position, null::bigint as account,
           'a failed command is not put aside as it was' as text, 'parked' as table
    from outcome o
    join command c on c.bucket = o.bucket and c.position = o.position
    left join parked p
        on p.bucket = o.bucket and p.position = o.position and p.parked_at = c.recorded_at and p.facts = c.facts
    where o.bucket = $1 and o.status = 2 and p.position is null
    order by o.position limit $3
)
union all
(
    select 'failed', p.position, null, 'a command is put aside that did not fail, or its retry stands in no log', 'parked'
    from parked p
    left join outcome o on o.bucket = p.bucket and o.position = p.position
    where p.bucket = $1 and p.parked_at is not null
        and (o.status is distinct from 2 or p.resumed_position < p.position or p.resumed_position >= $2)
    order by p.position limit $3
)
union all
(
    select 'reviews', h.position, null, 'no command of this place, ticket and programme is held for review', 'held_command'
    from held_command h
    left join command c
        on c.bucket = h.bucket and c.position = h.position and c.ticket = h.ticket and c.programme_id = h.programme_id
    where h.bucket = $1 and (
        c.position is null or h.verdict not in (0, 1, 2) or (h.verdict = 0) <> (h.verdict_position is null)
        or h.verdict_position <= h.position or h.verdict_position >= $2
    )
    order by h.position limit $3
)
union all
(
    select 'reviews', h.position, null, 'no claim of this place, ticket and programme is held for review', 'held_referral'
    from held_referral h
    left join command c
        on c.bucket = h.bucket and c.position = h.position and c.ticket = h.claim and c.programme_id = h.programme_id
    where h.bucket = $1 and (
        c.position is null or h.verdict not in (0, 1, 2) or (h.verdict = 0) <> (h.verdict_position is null)
        or h.verdict_position <= h.position or h.verdict_position >= $2
    )
    order by h.position limit $3
)
union all
(
    select 'waiting', a.position, null, 'a return is said to wait that did not fail', 'awaited'
    from awaited a
    left join outcome o on o.bucket = a.bucket and o.position = a.position
    where a.bucket = $1 and o.status is distinct from 2
    order by a.position limit $3
)
