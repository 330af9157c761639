-- Writes commands held for review and what became of them, in order.
insert into held_command (bucket, ticket, position, programme_id, verdict, verdict_position)
select w.bucket, w.ticket, w.position, w.programme_id, w.verdict, w.verdict_position
from unnest($1::integer[], $2::uuid[], $3::bigint[], $4::integer[], $5::smallint[], $6::bigint[])
    as w (bucket, ticket, position, programme_id, verdict, verdict_position)
order by w.bucket, w.ticket
on conflict (bucket, ticket) do update set verdict = excluded.verdict, verdict_position = excluded.verdict_position
