-- Which of some tickets are in the log. $1 buckets, $2 tickets.
select ticket from command where bucket = any ($1::integer[]) and ticket = any ($2::uuid[])
