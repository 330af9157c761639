-- Writes nodes of the links as they stand from now on, in order.
insert into link_node (bucket, member_id, above, size, linked, referrer_kind, referrer_value)
select w.bucket, w.member_id, w.above, w.size, w.linked, w.referrer_kind, w.referrer_value
from unnest($1::integer[], $2::bytea[], $3::bytea[], $4::integer[], $5::boolean[], $6::text[], $7::text[])
    as w (bucket, member_id, above, size, linked, referrer_kind, referrer_value)
order by w.bucket, w.member_id
on conflict (bucket, member_id) do update
    set above = excluded.above, size = excluded.size, linked = excluded.linked,
        referrer_kind = excluded.referrer_kind, referrer_value = excluded.referrer_value
