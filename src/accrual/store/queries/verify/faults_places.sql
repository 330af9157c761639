-- Rows that name a position at which nothing of theirs was decided, and numbers with gaps. $1 bucket, $2 cursor, $3 limit.
(
    select 'places' as check, r.position as position, null::bigint as account,
           'no command is decided at the position of this row' as text, r.name as table
    from (
        select 'counter' as name, position from counter where bucket = $1
        union all select 'profile', position from profile where bucket = $1
        union all select 'earning', position from earning where bucket = $1
        union all select 'undone', position from undone where bucket = $1
        union all select 'unposted', position from unposted where bucket = $1
        union all select 'referral', position from referral where bucket = $1
        union all select 'draw_entry', position from draw_entry where bucket = $1
    ) r
    where r.position < 1 or r.position >= $2
    order by r.position limit $3
)
union all
(
    select 'places', r.position, null, 'this row names a member who does not exist', r.name
    from (
        select 'profile' as name, bucket, member_id, position from profile where bucket = $1
        union all select 'unposted', bucket, member_id, position from unposted where bucket = $1
        union all select 'referral', bucket, member_id, position from referral where bucket = $1
        union all select 'draw_entry', bucket, member_id, position from draw_entry where bucket = $1
    ) r
    left join member m on m.bucket = r.bucket and m.member_id = r.member_id
    where m.member_id is null
    order by r.position limit $3
)
union all
(
    select 'draws', n.position, null, 'entry ' || n.number || ' of promo ' || n.promo_id || ' in round ' || n.round
           || ' follows ' || n.before, 'draw_entry'
    from (
        select promo_id, round, number, position,
               lag(number, 1, 0::bigint) over (partition by promo_id, round order by number) as before
        from draw_entry where bucket = $1
    ) n
    where n.number <> n.before + 1
    order by n.position limit $3
)
union all
(
    select 'rewards', null, null, 'code ' || n.number || ' of a pool was given, ' || n.before || ' before it: not in order, or no such code', 'reward_given'
    from (
        select g.bucket, g.subject, g.number, lag(g.number, 1, 0::bigint) over (partition by g.subject order by g.number) as before
        from reward_given g where g.bucket = $1
    ) n
    left join reward_code c on c.bucket = n.bucket and c.subject = n.subject and c.number = n.number
    where n.number <> n.before + 1 or c.number is null
    order by n.subject, n.number limit $3
)
union all
(
    select 'rewards', null, null, 'code ' || n.number || ' of a pool follows ' || n.before, 'reward_code'
    from (
        select subject, number, lag(number, 1, 0::bigint) over (partition by subject order by number) as before
        from reward_code where bucket = $1
    ) n
    where n.number <> n.before + 1
    order by n.subject, n.number limit $3
)
