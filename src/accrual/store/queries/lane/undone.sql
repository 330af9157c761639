-- How much of each part of commands was undone: the newest row of each part; targets are sliced with offsets by the buckets to look in.
select n.target, n.award, n.fact, n.line, max(n.units_after) as units_after
from lane l
cross join lateral unnest(($3::uuid[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as w (target)
cross join lateral (
    select u.target, u.award, u.fact, u.line, u.units_after
    from undone u
    where u.bucket = l.bucket and u.target = w.target
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) n
where l.bucket = any ($1::integer[])
group by n.target, n.award, n.fact, n.line
