-- Appends commands at consecutive positions of their buckets in one statement; answers the new tails, never a row a command.
-- $1 are the buckets in rising order, $4 a command's place among them from 1: to join by bucket would be a loop over both.
with bumped as (
    insert into tail as t (bucket, next, recorded_at)
    select b.bucket, b.commands, $3::timestamptz
    from unnest($1::integer[], $2::bigint[]) as b (bucket, commands)
    order by b.bucket
    on conflict (bucket) do update
        set next = t.next + excluded.next, recorded_at = greatest(t.recorded_at, excluded.recorded_at)
    returning t.bucket, t.next, t.recorded_at
), tails as (
    select array_agg(b.next order by b.bucket) as next, array_agg(b.recorded_at order by b.bucket) as recorded_at
    from bumped b
), appended as (
    insert into command
        (position, recorded_at, ticket, bucket, programme_id, client_id, content, seal, facts, salt, name, body)
    select tails.next[r.place] - r.back, tails.recorded_at[r.place], r.ticket, ($1::integer[])[r.place], r.programme_id,
        r.client_id, r.content, r.seal, r.facts, r.salt, r.name, r.body
    from unnest($4::integer[], $5::bigint[], $6::uuid[], $7::smallint[], $8::smallint[], $9::bytea[], $10::bytea[],
        $11::bytea[], $12::bytea[], $13::text[], $14::bytea[])
        as r (place, back, ticket, programme_id, client_id, content, seal, facts, salt, name, body), tails
    order by r.place, r.back desc
)
select bucket, next, recorded_at from bumped
