-- The nodes of these members among a bucket's links, and all that stand above them: at most log2 of their number each.
with recursive path as (
    select n.member_id, n.above, n.size, n.linked, n.referrer_kind, n.referrer_value
    from link_node n
    where n.bucket = $1::integer and n.member_id = any ($2::bytea[])
    union
    select a.member_id, a.above, a.size, a.linked, a.referrer_kind, a.referrer_value
    from path p
    join link_node a on a.bucket = $1::integer and a.member_id = p.above
)
select p.member_id, p.above, p.size, p.linked, p.referrer_kind, p.referrer_value from path p
