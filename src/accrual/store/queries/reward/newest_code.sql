-- The number of the last code of a pool, 0 where there is none.
select coalesce(max(number), 0) from reward_code where bucket = $1 and subject = $2
