-- Ends a client: its key opens nothing any more.
update client set ended_at = $3 where programme_id = $1 and code = $2
