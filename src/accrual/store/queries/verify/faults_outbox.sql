-- Events of a bucket that have a gap, stand in another order than their commands, or are not counted. $1 bucket, $2 outbox_next, $3 limit.
(
    select 'outbox' as check, n.position, null::bigint as account,
           'outbox sequence ' || n.sequence || ' follows ' || n.before as text, 'outbox' as table
    from (
        select position, sequence, lag(sequence, 1, 0::bigint) over (order by sequence) as before
        from outbox where bucket = $1
    ) n
    where n.sequence <> n.before + 1
    order by n.sequence limit $3
)
union all
(
    select 'outbox', n.position, null, 'outbox sequence ' || n.sequence || ' has not the time of its command, or its place', 'outbox'
    from (
        select bucket, position, sequence, recorded_at, lag(position, 1, 0::bigint) over (order by sequence) as before
        from outbox where bucket = $1
    ) n
    left join command c on c.bucket = n.bucket and c.position = n.position and c.recorded_at = n.recorded_at
    where c.position is null or n.position < n.before
    order by n.sequence limit $3
)
union all
(
    select 'outbox', null, null, 'the lane''s next outbox sequence is ' || $2::bigint || ', the newest there is '
           || coalesce(max(sequence), 0), 'outbox'
    from outbox where bucket = $1 having coalesce(max(sequence), 0) <> $2::bigint - 1
)
