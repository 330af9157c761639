-- Rows of a bucket that break a rule which one statement can tell. $1 bucket, $2 tail.next, $3 cursor, $4 outbox_next, $5 limit.
(
    select 'log' as check, position, null::bigint as account, 'a command stands outside of the log''s positions' as text
    from command where bucket = $1 and (position >= $2 or position < 1) order by position limit $5
)
union all
(
    select 'log', position, null, 'an outcome stands where nothing is decided yet'
    from outcome where bucket = $1 and (position >= $3 or position < 1) order by position limit $5
)
union all
(
    select 'lots', u.position, u.account,
           'lot ' || u.lot_position || '/' || u.lot_leg || ' is no credit line made before it was used'
    from lot_use u
    left join line l
        on l.bucket = u.bucket and l.account = u.account and l.position = u.lot_position and l.leg = u.lot_leg
    where u.bucket = $1 and (l.amount is null or l.amount <= 0 or u.lot_position > u.position or u.amount <= 0)
    order by u.position limit $5
)
union all
(
    select 'lots', l.position, l.account, 'more was taken from this lot than its ' || l.amount
    from line l
    join (
        select account, lot_position, lot_leg, sum(amount) as taken
        from lot_use where bucket = $1 group by account, lot_position, lot_leg
    ) u on u.account = l.account and u.lot_position = l.position and u.lot_leg = l.leg
    where l.bucket = $1 and u.taken > l.amount
    order by l.position limit $5
)
union all
(
    select 'members', null, a.account_id, 'this account belongs to a member that does not exist'
    from account a
    left join member m on m.bucket = a.bucket and m.member_id = a.member_id
    where a.bucket = $1 and a.member_id is not null and m.member_id is null
    order by a.account_id limit $5
)
union all
(
    select 'outbox', n.position, null, 'outbox sequence ' || n.sequence || ' follows ' || n.before
    from (
        select position, sequence, lag(sequence, 1, 0::bigint) over (order by sequence) as before
        from outbox where bucket = $1
    ) n
    where n.sequence <> n.before + 1
    order by n.sequence limit $5
)
union all
(
    select 'outbox', null, null, 'the lane''s next outbox sequence is ' || $4::bigint || ', the newest there is '
           || coalesce(max(sequence), 0)
    from outbox where bucket = $1 having coalesce(max(sequence), 0) <> $4::bigint - 1
)
union all
(
    select 'stocks', null, null, 'the share of promo ' || promo_id || ' (slot ' || slot || ') is ' || remaining
    from budget_share where bucket = $1 and remaining < 0 limit $5
)
union all
(
    select 'stocks', null, null, 'a quota of promo ' || promo_id || ' (slot ' || slot || ') is ' || remaining
    from quota where bucket = $1 and remaining < 0 limit $5
)
union all
(
    select 'stocks', null, null, 'the stock of prize ' || prize || ' of promo ' || promo_id || ' is ' || remaining
    from prize_stock where bucket = $1 and remaining < 0 limit $5
)
