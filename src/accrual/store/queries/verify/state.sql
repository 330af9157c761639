-- Where one bucket's log and lane stand. $1 bucket.
select t.next, l.cursor, l.chain, l.outbox_next from tail t join lane l on l.bucket = t.bucket where t.bucket = $1
