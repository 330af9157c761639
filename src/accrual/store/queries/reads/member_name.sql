-- What a member is called, and the member it is or became where that is another one than $2.
-- $1 bucket and $2 member_id that the identity itself makes, $3 programme, $4 kind, $5 value.
select m.name, coalesce(m.merged_into, nullif(i.member_id, $2))
from (select $1::integer as bucket, $2::bytea as member_id) asked
left join identity i on i.bucket = asked.bucket and i.programme_id = $3 and i.kind = $4 and i.value = $5
left join member m on m.bucket = asked.bucket and m.member_id = asked.member_id
