-- Secrets apart from what a role of fewer duties reads, and the only ways in which such a role touches them.

create table installation_secret (
    name text primary key,
    value bytea not null
);
create trigger audit_installation_secret after insert or update or delete on installation_secret
for each row execute function audit_change('name');
insert into installation_secret (name, value) select 'codes', decode(value, 'hex') from setting where name = 'secret';
delete from setting where name = 'secret';

-- What is published of a round once it is closed, and decided where a beacon decides it; draw_secret keeps what nobody may know before.
alter table draw_round add column secret bytea;
update draw_round r set secret = s.secret from draw_secret s
where s.promo_id = r.promo_id and s.round = r.round and r.closed_at is not null
    and (r.beacon is null or r.beacon_value is not null);

-- Publishes the secret of a closed round that no beacon has yet to decide. Whoever may only close rounds reads a secret in no other way.
create function draw_publish(in_promo integer, in_round integer) returns void
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
    update public.draw_round r set secret = s.secret from public.draw_secret s
    where s.promo_id = r.promo_id and s.round = r.round
        and r.promo_id = in_promo and r.round = in_round and r.closed_at is not null
        and (r.beacon is null or r.beacon_value is not null)
$$;

-- Adds the codes that a pool does not have behind its last one, and counts them. Whoever loads codes reads none.
create function reward_code_add(in_bucket integer, in_subject bytea, in_codes text[]) returns bigint
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
    with newest as (
        select coalesce(max(c.number), 0) as number from public.reward_code c
        where c.bucket = in_bucket and c.subject = in_subject
    ), added as (
        insert into public.reward_code (bucket, subject, number, code)
        select in_bucket, in_subject, newest.number + row_number() over (order by wanted.place), wanted.code
        from unnest(in_codes) with ordinality as wanted (code, place), newest
        where not exists (
            select from public.reward_code c
            where c.bucket = in_bucket and c.subject = in_subject and c.code = wanted.code
        )
        returning number
    )
    select count(*) from added
$$;

revoke execute on function draw_publish(integer, integer) from public;
revoke execute on function reward_code_add(integer, bytea, text[]) from public;

create or replace function audit_state()
returns table (subject text, subject_key text, programme_id integer, digest bytea)
language sql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set bytea_output = 'hex'
as $$
    select named.subject, named.subject_key, public.audit_programme_of(named.content), public.audit_digest(named.content)
    from (
        select 'programme', t.programme_id::text, to_jsonb(t) from public.programme t
        union all select 'programme_revision', t.programme_id || '/' || t.revision, to_jsonb(t) from public.programme_revision t
        union all select 'asset', t.asset_id::text, to_jsonb(t) from public.asset t
        union all select 'client', t.client_id::text, to_jsonb(t) from public.client t
        union all select 'promo', t.promo_id::text, to_jsonb(t) from public.promo t
        union all select 'promo_version', t.promo_version_id::text, to_jsonb(t) from public.promo_version t
        union all select 'reward', t.programme_id || '/' || t.reward_id, to_jsonb(t) from public.reward t
        union all select 'point_reward', t.programme_id || '/' || t.point_reward_id, to_jsonb(t) from public.point_reward t
        union all select 'draw_round', t.promo_id || '/' || t.round, to_jsonb(t) from public.draw_round t
        union all select 'draw_secret', t.promo_id || '/' || t.round, to_jsonb(t) from public.draw_secret t
        union all select 'draw_winner', t.promo_id || '/' || t.round || '/' || t.pick, to_jsonb(t) from public.draw_winner t
        union all select 'installation_secret', t.name, to_jsonb(t) from public.installation_secret t
        union all select 'setting', t.name, to_jsonb(t) from public.setting t
        union all select 'audit', t.audit_id::text, to_jsonb(t) from public.audit t
    ) as named (subject, subject_key, content)
$$;
