-- Gives codes of pools, in order; fewer rows than asked for means somebody else gave one of them.
insert into reward_given (bucket, subject, number, ticket)
select w.bucket, w.subject, w.number, w.ticket
from unnest($1::integer[], $2::bytea[], $3::bigint[], $4::uuid[]) as w (bucket, subject, number, ticket)
order by w.bucket, w.subject, w.number
on conflict (bucket, subject, number) do nothing
returning bucket
