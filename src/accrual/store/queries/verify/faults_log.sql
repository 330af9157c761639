-- Rows that stand outside of a bucket's log or before its cursor's time. $1 bucket, $2 tail.next, $3 cursor, $4 limit.
(
    select 'log' as check, position, null::bigint as account, 'a command stands outside of the log''s positions' as text,
           'command' as table
    from command where bucket = $1 and (position >= $2 or position < 1) order by position limit $4
)
union all
(
    select 'log', position, null, 'an outcome stands where nothing is decided yet', 'outcome'
    from outcome where bucket = $1 and (position >= $3 or position < 1) order by position limit $4
)
