-- As append, and in the same statement writes where each client-wide key is at home.
with bumped as (
    insert into tail as t (bucket, next, recorded_at)
    select b.bucket, b.commands, $3::timestamptz
    from unnest($1::integer[], $2::bigint[]) as b (bucket, commands)
    order by b.bucket
    on conflict (bucket) do update
        set next = t.next + excluded.next, recorded_at = greatest(t.recorded_at, excluded.recorded_at)
    returning t.bucket, t.next, t.recorded_at
), appended as (
    insert into command
        (position, recorded_at, ticket, bucket, programme_id, client_id, content, seal, facts, salt, name, body)
    select bumped.next - r.back, bumped.recorded_at, r.ticket, r.bucket, r.programme_id, r.client_id, r.content, r.seal,
        r.facts, r.salt, r.name, r.body
    from unnest($4::integer[], $5::bigint[], $6::uuid[], $7::smallint[], $8::smallint[], $9::bytea[], $10::bytea[],
        $11::bytea[], $12::bytea[], $13::text[], $14::bytea[])
        as r (bucket, back, ticket, programme_id, client_id, content, seal, facts, salt, name, body)
    join bumped on bumped.bucket = r.bucket
    order by r.bucket, r.back desc
), homes as (
    insert into key_home (bucket, client_id, key_digest, ticket, content)
    select h.bucket, h.client_id, h.key_digest, h.ticket, h.content
    from unnest($15::integer[], $16::integer[], $17::bytea[], $18::uuid[], $19::bytea[])
        as h (bucket, client_id, key_digest, ticket, content)
)
select bucket, next, recorded_at from bumped
