-- Newest positions of a member's decided commands below $3, at most $4: from its lines and from what wrote none.
select position
from (
    select n.position
    from account a
    cross join lateral (
        select distinct l.position
        from line l
        where l.bucket = a.bucket and l.account = a.account_id and l.position < $3
        order by l.position desc
        limit $4
    ) n
    where a.bucket = $1 and a.member_id = $2
    union
    (
        select u.position
        from unposted u
        where u.bucket = $1 and u.member_id = $2 and u.position < $3
        order by u.position desc
        limit $4
    )
) found
order by position desc
limit $4
