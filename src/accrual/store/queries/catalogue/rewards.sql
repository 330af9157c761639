-- Reads the numbers of a programme's rewards.
select reward_id, code from reward where programme_id = $1
