-- Every code of a reward's pool that was given, for a cursor. $1 bucket.
select ticket, null::integer as client_id, null::bytea as content from reward_given where bucket = $1 order by subject, number
