-- The members that identities stand for which are not a member's first identity.
select i.kind, i.value, i.member_id
from unnest($1::integer[], $2::integer[], $3::text[], $4::text[]) as wanted (bucket, programme_id, kind, value)
join identity i
    on i.bucket = wanted.bucket and i.programme_id = wanted.programme_id and i.kind = wanted.kind and i.value = wanted.value
