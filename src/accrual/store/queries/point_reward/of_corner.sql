-- Reads the point rewards of a corner that were not deleted. $1 programme, $2 client, $3 owner, $4 outlet.
select point_reward_id, client_id, owner, outlet, number, terms, sent, is_active, promos, created_at, ended_at
from point_reward
where programme_id = $1 and client_id = $2 and owner = $3 and outlet = $4 and ended_at is null
order by number
