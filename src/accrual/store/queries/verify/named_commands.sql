-- Client and content of commands, by ticket. $1 buckets, $2 tickets.
select ticket, client_id, content from command where bucket = any ($1::integer[]) and ticket = any ($2::uuid[])
