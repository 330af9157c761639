-- Members, identities and accounts that do not fit each other or the log. $1 bucket, $2 cursor, $3 limit.
(
    select 'members' as check, null::bigint as position, a.account_id as account,
           'this account belongs to a member that does not exist' as text, 'account' as table
    from account a
    left join member m on m.bucket = a.bucket and m.member_id = a.member_id
    where a.bucket = $1 and a.member_id is not null and m.member_id is null
    order by a.account_id limit $3
)
union all
(
    select 'members', null, a.account_id, 'this account is of programme ' || a.programme_id || ', its member of '
           || m.programme_id, 'account'
    from account a
    join member m on m.bucket = a.bucket and m.member_id = a.member_id
    where a.bucket = $1 and a.programme_id <> m.programme_id
    order by a.account_id limit $3
)
union all
(
    select 'members', m.enrolled_position, null, 'member ' || encode(m.member_id, 'hex')
           || ' was enrolled by no command of that place, time and programme', 'member'
    from member m
    left join command c
        on c.bucket = m.bucket and c.position = m.enrolled_position and c.recorded_at = m.enrolled_at
            and c.programme_id = m.programme_id
    where m.bucket = $1 and (c.position is null or m.enrolled_position >= $2)
    order by m.enrolled_position limit $3
)
union all
(
    select 'members', m.enrolled_position, null, 'member ' || encode(m.member_id, 'hex') || ' has no identity', 'identity'
    from member m
    left join identity i on i.bucket = m.bucket and i.member_id = m.member_id
    where m.bucket = $1 and i.member_id is null
    order by m.enrolled_position limit $3
)
union all
(
    select 'members', m.enrolled_position, null, 'member ' || encode(m.member_id, 'hex')
           || ' is marked as owing and never was, or owes and is not', 'member'
    from member m
    left join account a on a.bucket = m.bucket and a.member_id = m.member_id and a.role = 2
    left join lateral (
        select balance_after from line where bucket = a.bucket and account = a.account_id
        order by position desc, leg desc limit 1
    ) n on true
    where m.bucket = $1 and (
        (coalesce(m.marks, 0) & 1 = 0 and n.balance_after < 0)
        or (coalesce(m.marks, 0) & 1 = 1 and n.balance_after is null)
    )
    order by m.enrolled_position limit $3
)
