-- What a member's identities of one kind are, of those in the member's own bucket. $1 bucket, $2 member_id, $3 kind.
select i.value from identity i where i.bucket = $1 and i.member_id = $2 and i.kind = $3 order by i.value limit 1
