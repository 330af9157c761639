-- Reads the next free numbers for a corner and how many point rewards its owner has. $1 programme, $2 client, $3 owner, $4 outlet.
select
    (select coalesce(max(known.point_reward_id), 0) + 1 from point_reward known where known.programme_id = $1) as next_id,
    coalesce(max(number) filter (where outlet = $4), 0) + 1 as next_number,
    count(*) filter (where ended_at is null) as owned
from point_reward
where programme_id = $1 and client_id = $2 and owner = $3
