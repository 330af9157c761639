-- Which member an identity names. $1 bucket of the identity, $2 programme, $3 kind, $4 value.
select member_id from identity where bucket = $1 and programme_id = $2 and kind = $3 and value = $4
