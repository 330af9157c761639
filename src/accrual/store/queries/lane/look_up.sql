-- Members by id, each with the newest line of one account: its balance. Members are 16 bytes each in a row, nobody 16 zeros;
-- accounts the text of an array, null for none, below zero where the member is to be read only if the account has no line: the
-- driver takes ten times as long to make arrays. Both are sliced by bucket with offsets indexed by bucket; answers carry their
-- place, counted from 1.
select
    u.number,
    m.bucket is not null, m.merged_into, m.name, m.enrolled_at, m.marks,
    n.balance_after, n.held_after
from lane l
cross join lateral (
    select
        ($2::integer[])[l.bucket + 1] + a.number as number,
        abs(a.account) as account,
        coalesce(a.account > 0, true) as whole,
        substring($3::bytea from (16 * (($2::integer[])[l.bucket + 1] + a.number - 1))::integer + 1 for 16) as member_id
    from unnest(
        (($4::text)::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
    ) with ordinality as a (account, number)
) u
left join lateral (
    select k.balance_after, k.held_after
    from line k
    where k.bucket = l.bucket and k.account = u.account
    order by k.position desc, k.leg desc
    limit 1
) n on true
left join lateral (
    select k.bucket, k.merged_into, k.name, k.enrolled_at, k.marks
    from member k
    where k.bucket = l.bucket and k.member_id = u.member_id and (u.whole or n.balance_after is null)
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) m on true
where l.bucket = any ($1::integer[])
