-- Where a ticket stands in its bucket's log. $1 bucket, $2 ticket.
select position from command where bucket = $1 and ticket = $2
