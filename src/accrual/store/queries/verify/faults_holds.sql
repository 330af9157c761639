-- Holds that differ from what the ledger holds. $1 bucket, $2 limit.
(
    select 'holds' as check, h.position as position, h.account as account,
           'no command of this place and ticket set anything aside on this account' as text, 'hold' as table
    from hold h
    left join command c on c.bucket = h.bucket and c.position = h.position and c.ticket = h.hold_id
    left join line l on l.bucket = h.bucket and l.account = h.account and l.position = h.position and l.kind = 8
    where h.bucket = $1 and (c.position is null or l.position is null)
    order by h.position limit $2
)
union all
(
    select 'holds', h.position, h.account, 'it is said to have ended at ' || h.resolved_position
           || ', where nothing moves on its account', 'hold'
    from hold h
    left join line l on l.bucket = h.bucket and l.account = h.account and l.position = h.resolved_position
    where h.bucket = $1 and h.resolved_position is not null and l.position is null
    order by h.position limit $2
)
union all
(
    select 'holds', n.position, n.account, 'open holds are ' || coalesce(o.amount, 0) || ', its newest line holds '
           || coalesce(n.held_after, 0), 'hold'
    from (
        select distinct on (l.account) l.account, l.position, l.held_after
        from line l
        where l.bucket = $1 and l.account in (
            select account from hold where bucket = $1
            union
            select account from line where bucket = $1 and held_after > 0
        )
        order by l.account, l.position desc, l.leg desc
    ) n
    left join (
        select account, sum(amount) as amount from hold where bucket = $1 and resolved_position is null group by account
    ) o on o.account = n.account
    where coalesce(o.amount, 0) <> coalesce(n.held_after, 0)
    order by n.account limit $2
)
