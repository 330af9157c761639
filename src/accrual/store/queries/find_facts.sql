-- The stored facts of one command, by its ticket.
select c.facts from command c where c.bucket = $1::integer and c.ticket = $2::uuid
