-- Which of some members exist. $1 buckets, $2 member ids.
select member_id from member where bucket = any ($1::integer[]) and member_id = any ($2::bytea[])
