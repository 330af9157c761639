-- The command at a place of the log. $1 bucket, $2 position.
select c.ticket, c.programme_id, c.facts from command c where c.bucket = $1 and c.position = $2
