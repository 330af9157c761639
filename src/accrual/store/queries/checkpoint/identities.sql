-- Every identity of a bucket. $1 bucket.
select programme_id, kind, value, member_id from identity where bucket = $1
