-- A chained record of every change of the catalogue, written by the database itself: also of changes that nobody made
-- through Accrual. compare domain/audit_chain.py, which computes the same chain.

create table audit_chain (
    programme_id integer not null,
    number bigint not null,
    recorded_at timestamptz not null,
    transaction bigint not null,
    subject text not null,
    subject_key text not null,
    operation text not null,
    before_digest bytea,
    after_digest bytea,
    session_role text not null,
    acting_role text not null,
    actor text,
    details text,
    chain bytea not null,
    primary key (programme_id, number)
);

create function audit_digest(content jsonb) returns bytea
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select sha256(convert_to(jsonb_object_agg(key, value)::text, 'UTF8'))
    from jsonb_each(content) where value <> 'null'::jsonb
$$;

create function audit_part(content bytea) returns bytea
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case when content is null then int4send(-1) else int4send(octet_length(content)) || content end
$$;

create function audit_append(
    in_programme integer, in_subject text, in_key text, in_operation text, in_before bytea, in_after bytea,
    in_actor text, in_details text
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    prior_number bigint;
    prior_chain bytea;
    entry public.audit_chain;
begin
    -- One writer a programme, so that numbers have no gap; without a programme, one writer at all.
    if in_programme = 0 then
        lock table public.audit_chain in share row exclusive mode;
    else
        perform from public.programme where programme_id = in_programme for no key update;
    end if;
    select known.number, known.chain into prior_number, prior_chain from public.audit_chain known
    where known.programme_id = in_programme order by known.number desc limit 1;
    entry.programme_id := in_programme;
    entry.number := coalesce(prior_number, 0) + 1;
    entry.recorded_at := clock_timestamp();
    entry.transaction := pg_current_xact_id()::text::bigint;
    entry.subject := in_subject;
    entry.subject_key := in_key;
    entry.operation := in_operation;
    entry.before_digest := in_before;
    entry.after_digest := in_after;
    entry.session_role := session_user;
    entry.acting_role := case current_setting('role') when 'none' then session_user else current_setting('role') end;
    entry.actor := in_actor;
    entry.details := in_details;
    entry.chain := sha256(
        coalesce(prior_chain, decode(repeat('00', 32), 'hex'))
        || int4send(entry.programme_id) || int8send(entry.number)
        || int8send((extract(epoch from entry.recorded_at) * 1000000)::bigint) || int8send(entry.transaction)
        || public.audit_part(convert_to(entry.subject, 'UTF8'))
        || public.audit_part(convert_to(entry.subject_key, 'UTF8'))
        || public.audit_part(convert_to(entry.operation, 'UTF8'))
        || public.audit_part(entry.before_digest) || public.audit_part(entry.after_digest)
        || public.audit_part(convert_to(entry.session_role, 'UTF8'))
        || public.audit_part(convert_to(entry.acting_role, 'UTF8'))
        || public.audit_part(convert_to(entry.actor, 'UTF8'))
        || public.audit_part(convert_to(entry.details, 'UTF8'))
    );
    insert into public.audit_chain select entry.*;
end
$$;

create function audit_programme_of(content jsonb) returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        (content ->> 'programme_id')::integer,
        (select programme_id from public.promo where promo_id = (content ->> 'promo_id')::integer),
        0
    )
$$;

-- Details are kept of changes that nobody made through Accrual, without what is secret.
create function audit_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set bytea_output = 'hex'
as $$
declare
    concealed constant text[] := array['key_digest', 'secret', 'value'];
    was jsonb := case when tg_op = 'INSERT' then null else to_jsonb(old) end;
    becomes jsonb := case when tg_op = 'DELETE' then null else to_jsonb(new) end;
    made_for text := nullif(current_setting('accrual.actor', true), '');
    row_key text;
begin
    if made_for is null and tg_table_name = 'audit' then
        made_for := becomes ->> 'actor';
    end if;
    select string_agg(coalesce(becomes, was) ->> name, '/' order by place) into row_key
    from unnest(tg_argv) with ordinality as named (name, place);
    perform public.audit_append(
        public.audit_programme_of(coalesce(becomes, was)), tg_table_name::text, row_key, lower(tg_op),
        public.audit_digest(was), public.audit_digest(becomes), made_for,
        case when made_for is null then jsonb_build_object(
            'before', was - concealed,
            'after', becomes - concealed,
            'concealed_changed', (
                select coalesce(bool_or(was -> name is distinct from becomes -> name), false)
                from unnest(concealed) as name
            )
        )::text end
    );
    return null;
end
$$;

revoke execute on function audit_append(integer, text, text, text, bytea, bytea, text, text) from public;
revoke execute on function audit_change() from public;

create trigger audit_programme after insert or update or delete on programme
for each row execute function audit_change('programme_id');
create trigger audit_programme_revision after insert or update or delete on programme_revision
for each row execute function audit_change('programme_id', 'revision');
create trigger audit_asset after insert or update or delete on asset
for each row execute function audit_change('asset_id');
create trigger audit_client after insert or update or delete on client
for each row execute function audit_change('client_id');
create trigger audit_promo after insert or update or delete on promo
for each row execute function audit_change('promo_id');
create trigger audit_promo_version after insert or update or delete on promo_version
for each row execute function audit_change('promo_version_id');
create trigger audit_reward after insert or update or delete on reward
for each row execute function audit_change('programme_id', 'reward_id');
create trigger audit_point_reward after insert or update or delete on point_reward
for each row execute function audit_change('programme_id', 'point_reward_id');
create trigger audit_draw_round after insert or update or delete on draw_round
for each row execute function audit_change('promo_id', 'round');
create trigger audit_draw_secret after insert or update or delete on draw_secret
for each row execute function audit_change('promo_id', 'round');
create trigger audit_draw_winner after insert or update or delete on draw_winner
for each row execute function audit_change('promo_id', 'round', 'pick');
create trigger audit_setting after insert or update or delete on setting
for each row execute function audit_change('name');
create trigger audit_audit after insert or update or delete on audit
for each row execute function audit_change('audit_id');

-- What stands in the catalogue now, as the chain names it: subject, key, programme and digest, never the content.
create function audit_state()
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
        union all select 'setting', t.name, to_jsonb(t) from public.setting t
        union all select 'audit', t.audit_id::text, to_jsonb(t) from public.audit t
    ) as named (subject, subject_key, content)
$$;

-- Takes into the chain what stands there otherwise: what is older than the chain, or was given a column by a migration.
create function audit_adopt() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    found record;
begin
    for found in
        select state.programme_id, state.subject, state.subject_key, newest.after_digest, state.digest
        from public.audit_state() state
        left join (
            select distinct on (subject, subject_key) subject, subject_key, after_digest
            from public.audit_chain order by subject, subject_key, number desc
        ) newest using (subject, subject_key)
        where state.digest is distinct from newest.after_digest
        order by state.programme_id, state.subject, state.subject_key
    loop
        perform public.audit_append(found.programme_id, found.subject, found.subject_key, 'adopt',
            found.after_digest, found.digest, 'migrate', null);
    end loop;
end
$$;

revoke execute on function audit_state() from public;
revoke execute on function audit_adopt() from public;
select audit_adopt();
