-- Every key of a bucket that spans members, for a cursor. $1 bucket.
select ticket, client_id, content from key_home where bucket = $1 order by client_id, key_digest
