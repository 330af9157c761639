-- Every identity of a bucket and the member it names, for a cursor. $1 bucket.
select programme_id, kind, value, member_id from identity where bucket = $1 order by programme_id, kind, value
