-- Every identity that names a member; linked ones lie in buckets of their own. $1 all buckets, $2 member_id.
select kind, value from identity where bucket = any ($1::integer[]) and member_id = $2 order by kind, value limit $3
