-- The newest position of a bucket recorded at or before an instant, found by halving: times never fall. $1 bucket, $2 instant.
with recursive halving (low, high) as (
    select 0::bigint, t.next from tail t where t.bucket = $1
    union all
    select case when late then h.low else middle end, case when late then middle else h.high end
    from halving h
    cross join lateral (
        select (h.low + h.high) / 2 as middle,
               coalesce(
                   (
                       select c.recorded_at > $2
                       from command c
                       where c.bucket = $1 and c.position = (h.low + h.high) / 2
                   ),
                   false
               ) as late
    ) step
    where h.high - h.low > 1
)
select low from halving order by high - low limit 1
