-- How far a bucket's log goes and how far it is decided. $1 bucket.
select t.next, l.cursor from tail t join lane l on l.bucket = t.bucket where t.bucket = $1
