-- The whole schema, as all migrations together make it. Generated: make schema. Never run, only read and compared.

create table account (
    bucket integer not null,
    account_id bigint not null,
    programme_id integer not null,
    asset_id integer not null,
    role smallint not null,
    member_id bytea,
    floor bigint,
    constraint account_pkey PRIMARY KEY (bucket, account_id)
);

create table asset (
    programme_id integer not null,
    asset_id integer not null,
    code text not null,
    document jsonb not null,
    constraint asset_programme_id_code_key UNIQUE (programme_id, code),
    constraint asset_pkey PRIMARY KEY (asset_id),
    constraint asset_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES programme(programme_id)
);

create table audit (
    audit_id uuid not null,
    programme_id integer,
    recorded_at timestamp with time zone not null,
    actor text not null,
    action text not null,
    subject text not null,
    before jsonb,
    after jsonb,
    constraint audit_pkey PRIMARY KEY (audit_id)
);

create table audit_chain (
    programme_id integer not null,
    number bigint not null,
    recorded_at timestamp with time zone not null,
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
    constraint audit_chain_pkey PRIMARY KEY (programme_id, number)
);

create table awaited (
    bucket integer not null,
    target uuid not null,
    position bigint not null,
    constraint awaited_pkey PRIMARY KEY (bucket, target, "position")
);

create table budget (
    promo_id integer not null,
    slot smallint not null,
    period integer not null,
    cap bigint not null,
    remaining bigint not null,
    constraint budget_pkey PRIMARY KEY (promo_id, slot, period)
);

create table budget_share (
    bucket integer not null,
    promo_id integer not null,
    slot smallint not null,
    period integer not null,
    remaining bigint not null,
    constraint budget_share_pkey PRIMARY KEY (bucket, promo_id, slot, period)
);

create table checkpoint (
    number integer not null,
    recorded_at timestamp with time zone not null,
    signature bytea not null,
    line text not null,
    constraint checkpoint_pkey PRIMARY KEY (number)
);

create table checkpoint_row (
    sequence bigint not null,
    number integer not null,
    source text not null,
    key text not null,
    digest bytea not null,
    constraint checkpoint_row_pkey PRIMARY KEY (sequence)
);

create table checkpoint_seal (
    sequence bigint not null,
    bucket integer not null,
    first bigint not null,
    until bigint not null,
    tables text not null,
    constraint checkpoint_seal_pkey PRIMARY KEY (sequence)
);

create table checkpoint_stream (
    name text not null,
    size bigint not null,
    head bytea not null,
    hashes bytea not null,
    constraint checkpoint_stream_pkey PRIMARY KEY (name)
);

create table client (
    client_id integer not null,
    programme_id integer not null,
    code text not null,
    key_digest bytea,
    document jsonb not null,
    ended_at timestamp with time zone,
    constraint client_programme_id_code_key UNIQUE (programme_id, code),
    constraint client_pkey PRIMARY KEY (client_id),
    constraint client_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES programme(programme_id),
    constraint client_client_id_check CHECK (((client_id >= 1) AND (client_id <= 32767)))
);

create table command (
    position bigint not null,
    recorded_at timestamp with time zone not null,
    ticket uuid not null,
    bucket integer not null,
    programme_id smallint not null,
    client_id smallint not null,
    content bytea not null,
    seal bytea not null,
    facts bytea not null,
    salt bytea,
    name text,
    body bytea,
    constraint command_pkey PRIMARY KEY (bucket, "position")
);
alter table command alter column facts set storage external;
alter table command alter column body set storage external;

create table counter (
    bucket integer not null,
    member_id bytea not null,
    promo_id integer not null,
    slot smallint not null,
    period integer not null,
    position bigint not null,
    value_after bigint not null,
    constraint counter_pkey PRIMARY KEY (bucket, member_id, promo_id, slot, period, "position")
);

create table draw_entry (
    bucket integer not null,
    promo_id integer not null,
    round integer not null,
    number bigint not null,
    position bigint not null,
    units bigint not null,
    member_id bytea not null,
    chain bytea not null,
    constraint draw_entry_pkey PRIMARY KEY (bucket, promo_id, round, number)
);

create table draw_round (
    promo_id integer not null,
    round integer not null,
    programme_id integer not null,
    revision integer not null,
    commitment text not null,
    recorded_at timestamp with time zone not null,
    actor text not null,
    closed_at timestamp with time zone,
    entries bigint,
    root text,
    drawn_at timestamp with time zone,
    scheme smallint,
    shared boolean,
    share text,
    beacon text,
    beacon_value text,
    secret bytea,
    constraint draw_round_pkey PRIMARY KEY (promo_id, round)
);

create table draw_secret (
    promo_id integer not null,
    round integer not null,
    secret bytea not null,
    constraint draw_secret_pkey PRIMARY KEY (promo_id, round)
);

create table draw_winner (
    promo_id integer not null,
    round integer not null,
    pick integer not null,
    piece integer not null,
    prize text not null,
    asset text not null,
    amount bigint not null,
    bucket integer not null,
    number bigint not null,
    ticket uuid not null,
    member_id bytea not null,
    drawn_at timestamp with time zone not null,
    claim_by timestamp with time zone,
    claimed_at timestamp with time zone,
    expired_at timestamp with time zone,
    granted_at timestamp with time zone,
    constraint draw_winner_pkey PRIMARY KEY (promo_id, round, pick)
);

create table earning (
    bucket integer not null,
    account bigint not null,
    position bigint not null,
    occurred_at timestamp with time zone not null,
    units bigint not null,
    constraint earning_pkey PRIMARY KEY (bucket, account, "position", occurred_at)
);

create table held_command (
    bucket integer not null,
    ticket uuid not null,
    position bigint not null,
    programme_id integer not null,
    verdict smallint not null,
    verdict_position bigint,
    constraint held_command_pkey PRIMARY KEY (bucket, ticket)
);

create table held_referral (
    bucket integer not null,
    claim uuid not null,
    position bigint not null,
    programme_id integer not null,
    verdict smallint not null,
    verdict_position bigint,
    constraint held_referral_pkey PRIMARY KEY (bucket, claim)
);

create table hold (
    bucket integer not null,
    hold_id uuid not null,
    account bigint not null,
    position bigint not null,
    amount bigint not null,
    expires_at timestamp with time zone,
    resolved_position bigint,
    constraint hold_pkey PRIMARY KEY (bucket, hold_id)
);

create table identity (
    bucket integer not null,
    programme_id integer not null,
    kind text not null,
    value text not null,
    member_id bytea not null,
    constraint identity_pkey PRIMARY KEY (bucket, programme_id, kind, value)
);

create table installation_secret (
    name text not null,
    value bytea not null,
    constraint installation_secret_pkey PRIMARY KEY (name)
);

create table key_home (
    bucket integer not null,
    client_id integer not null,
    key_digest bytea not null,
    ticket uuid not null,
    content bytea not null,
    constraint key_home_pkey PRIMARY KEY (bucket, client_id, key_digest)
);

create table lane (
    bucket integer not null,
    cursor bigint not null,
    prior_cursor bigint not null,
    epoch bigint not null,
    owner uuid,
    clean boolean not null,
    suspicion smallint not null,
    chain bytea not null,
    outbox_next bigint not null,
    constraint lane_pkey PRIMARY KEY (bucket)
) with (fillfactor=10);

create table line (
    account bigint not null,
    position bigint not null,
    amount bigint not null,
    balance_after bigint not null,
    occurred_at timestamp with time zone not null,
    bucket integer not null,
    contra integer not null,
    promo_version_id integer,
    leg smallint not null,
    kind smallint not null,
    held_after bigint,
    active_at timestamp with time zone,
    expires_at timestamp with time zone,
    covers_from bigint,
    origin_bucket integer,
    origin_position bigint,
    origin_leg smallint,
    constraint line_pkey PRIMARY KEY (bucket, account, "position", leg)
) with (autovacuum_vacuum_insert_scale_factor=0, autovacuum_vacuum_insert_threshold=2000000);

create table link_node (
    bucket integer not null,
    member_id bytea not null,
    above bytea,
    size integer not null,
    linked boolean not null,
    referrer_kind text,
    referrer_value text,
    constraint link_node_pkey PRIMARY KEY (bucket, member_id)
);

create table lot_snapshot (
    bucket integer not null,
    account bigint not null,
    position bigint not null,
    lots bytea not null,
    constraint lot_snapshot_pkey PRIMARY KEY (bucket, account, "position")
);

create table lot_use (
    bucket integer not null,
    account bigint not null,
    position bigint not null,
    lot_position bigint not null,
    lot_leg smallint not null,
    amount bigint not null,
    kind smallint not null,
    constraint lot_use_pkey PRIMARY KEY (bucket, account, "position", lot_position, lot_leg, kind)
);

create table member (
    bucket integer not null,
    member_id bytea not null,
    programme_id integer not null,
    enrolled_at timestamp with time zone not null,
    enrolled_position bigint not null,
    merged_into bytea,
    name text,
    marks smallint,
    constraint member_pkey PRIMARY KEY (bucket, member_id)
);

create table migration (
    name text not null,
    digest text not null,
    applied_at timestamp with time zone not null,
    constraint migration_pkey PRIMARY KEY (name)
);

create table outbox (
    bucket integer not null,
    sequence bigint not null,
    position bigint not null,
    recorded_at timestamp with time zone not null,
    kind text not null,
    payload bytea not null,
    constraint outbox_pkey PRIMARY KEY (bucket, sequence)
);

create table outcome (
    position bigint not null,
    bucket integer not null,
    status smallint not null,
    chain bytea not null,
    payload bytea not null,
    constraint outcome_pkey PRIMARY KEY (bucket, "position")
) with (autovacuum_vacuum_insert_scale_factor=0, autovacuum_vacuum_insert_threshold=2000000);

create table parked (
    bucket integer not null,
    position bigint not null,
    parked_at timestamp with time zone,
    error text not null,
    tries integer not null,
    facts bytea,
    resumed_position bigint,
    constraint parked_pkey PRIMARY KEY (bucket, "position")
);

create table point_reward (
    programme_id integer not null,
    point_reward_id integer not null,
    client_id integer not null,
    owner text not null,
    outlet text not null,
    number integer not null,
    name_folded text not null,
    terms jsonb not null,
    sent jsonb not null,
    is_active boolean not null,
    promos text[] not null,
    created_at timestamp with time zone not null,
    ended_at timestamp with time zone,
    constraint point_reward_programme_id_client_id_owner_outlet_number_key UNIQUE (programme_id, client_id, owner, outlet, number),
    constraint point_reward_pkey PRIMARY KEY (programme_id, point_reward_id),
    constraint point_reward_client_id_fkey FOREIGN KEY (client_id) REFERENCES client(client_id),
    constraint point_reward_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES programme(programme_id)
);

create table prize_stock (
    bucket integer not null,
    promo_id integer not null,
    prize smallint not null,
    remaining bigint not null,
    constraint prize_stock_pkey PRIMARY KEY (bucket, promo_id, prize)
);

create table profile (
    bucket integer not null,
    member_id bytea not null,
    position bigint not null,
    document bytea not null,
    constraint profile_pkey PRIMARY KEY (bucket, member_id, "position")
);

create table programme (
    programme_id integer not null,
    code text not null,
    revision integer not null,
    constraint programme_code_key UNIQUE (code),
    constraint programme_pkey PRIMARY KEY (programme_id),
    constraint programme_programme_id_check CHECK (((programme_id >= 1) AND (programme_id <= 32767)))
);

create table programme_revision (
    programme_id integer not null,
    revision integer not null,
    recorded_at timestamp with time zone not null,
    actor text not null,
    settings jsonb not null,
    outlets jsonb not null,
    rewards jsonb not null,
    constraint programme_revision_pkey PRIMARY KEY (programme_id, revision),
    constraint programme_revision_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES programme(programme_id)
);

create table promo (
    programme_id integer not null,
    promo_id integer not null,
    code text not null,
    origin text not null,
    constraint promo_programme_id_code_key UNIQUE (programme_id, code),
    constraint promo_pkey PRIMARY KEY (promo_id),
    constraint promo_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES programme(programme_id)
);

create table promo_version (
    promo_version_id integer not null,
    programme_id integer not null,
    promo_id integer not null,
    version integer not null,
    revision integer not null,
    recorded_at timestamp with time zone not null,
    actor text not null,
    effective_from timestamp with time zone,
    document jsonb not null,
    constraint promo_version_promo_id_version_key UNIQUE (promo_id, version),
    constraint promo_version_pkey PRIMARY KEY (promo_version_id),
    constraint promo_version_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES programme(programme_id),
    constraint promo_version_promo_id_fkey FOREIGN KEY (promo_id) REFERENCES promo(promo_id)
);

create table quota (
    bucket integer not null,
    subject bytea not null,
    promo_id integer not null,
    slot smallint not null,
    period integer not null,
    cap bigint not null,
    remaining bigint not null,
    constraint quota_pkey PRIMARY KEY (bucket, subject, promo_id, slot, period)
);

create table referral (
    bucket integer not null,
    member_id bytea not null,
    position bigint not null,
    referrer_kind text not null,
    referrer_value text not null,
    constraint referral_pkey PRIMARY KEY (bucket, member_id)
);

create table reward (
    programme_id integer not null,
    reward_id integer not null,
    code text not null,
    constraint reward_programme_id_code_key UNIQUE (programme_id, code),
    constraint reward_pkey PRIMARY KEY (programme_id, reward_id),
    constraint reward_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES programme(programme_id)
);

create table reward_code (
    bucket integer not null,
    subject bytea not null,
    number bigint not null,
    code text not null,
    constraint reward_code_pkey PRIMARY KEY (bucket, subject, number)
);

create table reward_given (
    bucket integer not null,
    subject bytea not null,
    number bigint not null,
    ticket uuid not null,
    constraint reward_given_pkey PRIMARY KEY (bucket, subject, number)
);

create table setting (
    name text not null,
    value text not null,
    constraint setting_pkey PRIMARY KEY (name)
);

create table sighting (
    bucket integer not null,
    install bytea not null,
    member_id bytea not null,
    constraint sighting_pkey PRIMARY KEY (bucket, install, member_id)
);

create table tail (
    bucket integer not null,
    next bigint not null,
    recorded_at timestamp with time zone not null,
    constraint tail_pkey PRIMARY KEY (bucket)
) with (fillfactor=10);

create table undone (
    bucket integer not null,
    target uuid not null,
    award smallint not null,
    fact smallint not null,
    line smallint not null,
    position bigint not null,
    units_after bigint not null,
    constraint undone_pkey PRIMARY KEY (bucket, target, award, fact, line, "position")
);

create table unposted (
    bucket integer not null,
    member_id bytea not null,
    position bigint not null,
    constraint unposted_pkey PRIMARY KEY (bucket, member_id, "position")
);

create table upkeep (
    bucket integer not null,
    done_until timestamp with time zone not null,
    constraint upkeep_pkey PRIMARY KEY (bucket)
) with (fillfactor=50);

create table worker (
    worker_id uuid not null,
    beat bigint not null,
    backend_pid integer not null,
    backend_start timestamp with time zone not null,
    started_at timestamp with time zone not null,
    label text not null,
    report jsonb,
    constraint worker_pkey PRIMARY KEY (worker_id)
) with (fillfactor=10);

CREATE INDEX account_member ON public.account USING btree (bucket, member_id) WHERE (member_id IS NOT NULL);
CREATE INDEX audit_recorded ON public.audit USING btree (recorded_at);
CREATE INDEX awaited_position ON public.awaited USING btree (bucket, "position");
CREATE UNIQUE INDEX checkpoint_row_key ON public.checkpoint_row USING btree (source, key, sequence);
CREATE INDEX checkpoint_seal_bucket ON public.checkpoint_seal USING btree (bucket, first);
CREATE UNIQUE INDEX client_key ON public.client USING btree (key_digest) WHERE ((key_digest IS NOT NULL) AND (ended_at IS NULL));
CREATE UNIQUE INDEX command_ticket ON public.command USING btree (bucket, ticket);
CREATE INDEX held_command_open ON public.held_command USING btree (bucket, programme_id, "position") WHERE (verdict = 0);
CREATE INDEX held_referral_open ON public.held_referral USING btree (bucket, programme_id, "position") WHERE (verdict = 0);
CREATE INDEX hold_open ON public.hold USING btree (bucket, expires_at) WHERE (resolved_position IS NULL);
CREATE INDEX identity_member ON public.identity USING btree (bucket, member_id);
CREATE INDEX line_activating ON public.line USING btree (bucket, active_at) WHERE (active_at IS NOT NULL);
CREATE INDEX line_expiring ON public.line USING btree (bucket, expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX line_origin ON public.line USING btree (bucket, account, origin_position) WHERE (origin_position IS NOT NULL);
CREATE INDEX lot_use_expired ON public.lot_use USING btree (bucket, account, lot_position) WHERE (kind = 4);
CREATE INDEX member_marked ON public.member USING btree (bucket) WHERE ((merged_into IS NOT NULL) OR (marks IS NOT NULL));
CREATE INDEX parked_open ON public.parked USING btree (bucket, "position") WHERE (resumed_position IS NULL);
CREATE INDEX parked_resumed ON public.parked USING btree (bucket, resumed_position) WHERE (resumed_position IS NOT NULL);
CREATE UNIQUE INDEX point_reward_name ON public.point_reward USING btree (programme_id, client_id, owner, outlet, name_folded) WHERE (ended_at IS NULL);
CREATE INDEX promo_version_programme ON public.promo_version USING btree (programme_id, revision);
CREATE UNIQUE INDEX reward_code_code ON public.reward_code USING btree (bucket, subject, code);

CREATE OR REPLACE FUNCTION public.audit_adopt()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.audit_append(in_programme integer, in_subject text, in_key text, in_operation text, in_before bytea, in_after bytea, in_actor text, in_details text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.audit_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET bytea_output TO 'hex'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.audit_digest(content jsonb)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    select sha256(convert_to(jsonb_object_agg(key, value)::text, 'UTF8'))
    from jsonb_each(content) where value <> 'null'::jsonb
$function$;

CREATE OR REPLACE FUNCTION public.audit_part(content bytea)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    select case when content is null then int4send(-1) else int4send(octet_length(content)) || content end
$function$;

CREATE OR REPLACE FUNCTION public.audit_programme_of(content jsonb)
 RETURNS integer
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    select coalesce(
        (content ->> 'programme_id')::integer,
        (select programme_id from public.promo where promo_id = (content ->> 'promo_id')::integer),
        0
    )
$function$;

CREATE OR REPLACE FUNCTION public.audit_state()
 RETURNS TABLE(subject text, subject_key text, programme_id integer, digest bytea)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET bytea_output TO 'hex'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.draw_publish(in_promo integer, in_round integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    update public.draw_round r set secret = s.secret from public.draw_secret s
    where s.promo_id = r.promo_id and s.round = r.round
        and r.promo_id = in_promo and r.round = in_round and r.closed_at is not null
        and (r.beacon is null or r.beacon_value is not null)
$function$;

CREATE OR REPLACE FUNCTION public.reward_code_add(in_bucket integer, in_subject bytea, in_codes text[])
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

CREATE TRIGGER audit_asset AFTER INSERT OR DELETE OR UPDATE ON public.asset FOR EACH ROW EXECUTE FUNCTION audit_change('asset_id');
CREATE TRIGGER audit_audit AFTER INSERT OR DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION audit_change('audit_id');
CREATE TRIGGER audit_client AFTER INSERT OR DELETE OR UPDATE ON public.client FOR EACH ROW EXECUTE FUNCTION audit_change('client_id');
CREATE TRIGGER audit_draw_round AFTER INSERT OR DELETE OR UPDATE ON public.draw_round FOR EACH ROW EXECUTE FUNCTION audit_change('promo_id', 'round');
CREATE TRIGGER audit_draw_secret AFTER INSERT OR DELETE OR UPDATE ON public.draw_secret FOR EACH ROW EXECUTE FUNCTION audit_change('promo_id', 'round');
CREATE TRIGGER audit_draw_winner AFTER INSERT OR DELETE OR UPDATE ON public.draw_winner FOR EACH ROW EXECUTE FUNCTION audit_change('promo_id', 'round', 'pick');
CREATE TRIGGER audit_installation_secret AFTER INSERT OR DELETE OR UPDATE ON public.installation_secret FOR EACH ROW EXECUTE FUNCTION audit_change('name');
CREATE TRIGGER audit_point_reward AFTER INSERT OR DELETE OR UPDATE ON public.point_reward FOR EACH ROW EXECUTE FUNCTION audit_change('programme_id', 'point_reward_id');
CREATE TRIGGER audit_programme AFTER INSERT OR DELETE OR UPDATE ON public.programme FOR EACH ROW EXECUTE FUNCTION audit_change('programme_id');
CREATE TRIGGER audit_programme_revision AFTER INSERT OR DELETE OR UPDATE ON public.programme_revision FOR EACH ROW EXECUTE FUNCTION audit_change('programme_id', 'revision');
CREATE TRIGGER audit_promo AFTER INSERT OR DELETE OR UPDATE ON public.promo FOR EACH ROW EXECUTE FUNCTION audit_change('promo_id');
CREATE TRIGGER audit_promo_version AFTER INSERT OR DELETE OR UPDATE ON public.promo_version FOR EACH ROW EXECUTE FUNCTION audit_change('promo_version_id');
CREATE TRIGGER audit_reward AFTER INSERT OR DELETE OR UPDATE ON public.reward FOR EACH ROW EXECUTE FUNCTION audit_change('programme_id', 'reward_id');
CREATE TRIGGER audit_setting AFTER INSERT OR DELETE OR UPDATE ON public.setting FOR EACH ROW EXECUTE FUNCTION audit_change('name');

grant select on account to accrual_admin;
grant select on account to accrual_api;
grant select on account to accrual_staff;
grant insert, select on account to accrual_worker;
grant insert, select, update on asset to accrual_admin;
grant select on asset to accrual_api;
grant select on asset to accrual_staff;
grant select on asset to accrual_worker;
grant insert, select on audit to accrual_admin;
grant select on audit to accrual_api;
grant insert, select on audit to accrual_staff;
grant select on audit to accrual_worker;
grant select on audit_chain to accrual_admin;
grant select on audit_chain to accrual_api;
grant select on audit_chain to accrual_staff;
grant select on audit_chain to accrual_worker;
grant select on awaited to accrual_admin;
grant select on awaited to accrual_api;
grant select on awaited to accrual_staff;
grant insert, select on awaited to accrual_worker;
grant select on budget to accrual_admin;
grant select on budget to accrual_api;
grant select on budget to accrual_staff;
grant insert, select, update on budget to accrual_worker;
grant select on budget_share to accrual_admin;
grant select on budget_share to accrual_api;
grant select on budget_share to accrual_staff;
grant insert, select, update on budget_share to accrual_worker;
grant delete, insert, select on checkpoint to accrual_admin;
grant select on checkpoint to accrual_api;
grant delete, insert, select on checkpoint to accrual_staff;
grant select on checkpoint to accrual_worker;
grant insert, select on checkpoint_row to accrual_admin;
grant select on checkpoint_row to accrual_api;
grant insert, select on checkpoint_row to accrual_staff;
grant select on checkpoint_row to accrual_worker;
grant insert, select on checkpoint_seal to accrual_admin;
grant select on checkpoint_seal to accrual_api;
grant insert, select on checkpoint_seal to accrual_staff;
grant select on checkpoint_seal to accrual_worker;
grant insert, select, update on checkpoint_stream to accrual_admin;
grant select on checkpoint_stream to accrual_api;
grant insert, select, update on checkpoint_stream to accrual_staff;
grant select on checkpoint_stream to accrual_worker;
grant insert, select, update on client to accrual_admin;
grant select on client to accrual_api;
grant select on client to accrual_staff;
grant select on client to accrual_worker;
grant insert, select on command to accrual_admin;
grant insert, select on command to accrual_api;
grant select on command to accrual_staff;
grant insert, select on command to accrual_worker;
grant select on counter to accrual_admin;
grant select on counter to accrual_api;
grant select on counter to accrual_staff;
grant insert, select on counter to accrual_worker;
grant select on draw_entry to accrual_admin;
grant select on draw_entry to accrual_api;
grant select on draw_entry to accrual_staff;
grant insert, select on draw_entry to accrual_worker;
grant insert, select, update (closed_at, entries, root, drawn_at, share, beacon_value) on draw_round to accrual_admin;
grant select on draw_round to accrual_api;
grant insert, select, update (closed_at, entries, root, drawn_at, share, beacon_value) on draw_round to accrual_staff;
grant select, update (entries) on draw_round to accrual_worker;
grant insert on draw_secret to accrual_admin;
grant insert on draw_secret to accrual_staff;
grant select on draw_secret to accrual_worker;
grant insert, select, update (claimed_at, expired_at, granted_at) on draw_winner to accrual_admin;
grant select on draw_winner to accrual_api;
grant insert, select, update (claimed_at, expired_at, granted_at) on draw_winner to accrual_staff;
grant select on draw_winner to accrual_worker;
grant select on earning to accrual_admin;
grant select on earning to accrual_api;
grant select on earning to accrual_staff;
grant insert, select on earning to accrual_worker;
grant execute on function audit_state to accrual_admin;
grant execute on function audit_state to accrual_api;
grant execute on function audit_state to accrual_staff;
grant execute on function audit_state to accrual_worker;
grant execute on function draw_publish to accrual_admin;
grant execute on function draw_publish to accrual_staff;
grant execute on function reward_code_add to accrual_admin;
grant execute on function reward_code_add to accrual_staff;
grant select on held_command to accrual_admin;
grant select on held_command to accrual_api;
grant select on held_command to accrual_staff;
grant insert, select, update on held_command to accrual_worker;
grant select on held_referral to accrual_admin;
grant select on held_referral to accrual_api;
grant select on held_referral to accrual_staff;
grant insert, select, update on held_referral to accrual_worker;
grant select on hold to accrual_admin;
grant select on hold to accrual_api;
grant select on hold to accrual_staff;
grant insert, select, update on hold to accrual_worker;
grant select on identity to accrual_admin;
grant select on identity to accrual_api;
grant select on identity to accrual_staff;
grant insert, select on identity to accrual_worker;
grant select on installation_secret to accrual_worker;
grant insert, select on key_home to accrual_admin;
grant insert, select on key_home to accrual_api;
grant select on key_home to accrual_staff;
grant insert, select on key_home to accrual_worker;
grant select on lane to accrual_admin;
grant select on lane to accrual_api;
grant select on lane to accrual_runtime;
grant select on lane to accrual_staff;
grant insert, select, update on lane to accrual_worker;
grant select on line to accrual_admin;
grant select on line to accrual_api;
grant select on line to accrual_staff;
grant insert, select on line to accrual_worker;
grant select on link_node to accrual_admin;
grant select on link_node to accrual_api;
grant select on link_node to accrual_staff;
grant insert, select, update on link_node to accrual_worker;
grant select on lot_snapshot to accrual_admin;
grant select on lot_snapshot to accrual_api;
grant select on lot_snapshot to accrual_staff;
grant insert, select on lot_snapshot to accrual_worker;
grant select on lot_use to accrual_admin;
grant select on lot_use to accrual_api;
grant select on lot_use to accrual_staff;
grant insert, select on lot_use to accrual_worker;
grant select on member to accrual_admin;
grant select on member to accrual_api;
grant select on member to accrual_staff;
grant insert, select, update on member to accrual_worker;
grant select on migration to accrual_admin;
grant select on migration to accrual_api;
grant select on migration to accrual_runtime;
grant select on migration to accrual_staff;
grant select on migration to accrual_worker;
grant select on outbox to accrual_admin;
grant select on outbox to accrual_api;
grant select on outbox to accrual_staff;
grant insert, select on outbox to accrual_worker;
grant select on outcome to accrual_admin;
grant select on outcome to accrual_api;
grant select on outcome to accrual_staff;
grant insert, select on outcome to accrual_worker;
grant select on parked to accrual_admin;
grant select on parked to accrual_api;
grant select on parked to accrual_staff;
grant insert, select, update on parked to accrual_worker;
grant insert, select, update on point_reward to accrual_admin;
grant select on point_reward to accrual_api;
grant insert, select, update on point_reward to accrual_staff;
grant select on point_reward to accrual_worker;
grant select on prize_stock to accrual_admin;
grant select on prize_stock to accrual_api;
grant select on prize_stock to accrual_staff;
grant insert, select, update on prize_stock to accrual_worker;
grant select on profile to accrual_admin;
grant select on profile to accrual_api;
grant select on profile to accrual_staff;
grant insert, select on profile to accrual_worker;
grant insert, select, update (revision) on programme to accrual_admin;
grant select on programme to accrual_api;
grant select, update (revision) on programme to accrual_staff;
grant select on programme to accrual_worker;
grant insert, select on programme_revision to accrual_admin;
grant select on programme_revision to accrual_api;
grant insert, select on programme_revision to accrual_staff;
grant select on programme_revision to accrual_worker;
grant insert, select on promo to accrual_admin;
grant select on promo to accrual_api;
grant insert, select on promo to accrual_staff;
grant select on promo to accrual_worker;
grant insert, select on promo_version to accrual_admin;
grant select on promo_version to accrual_api;
grant insert, select on promo_version to accrual_staff;
grant select on promo_version to accrual_worker;
grant select on quota to accrual_admin;
grant select on quota to accrual_api;
grant select on quota to accrual_staff;
grant insert, select, update on quota to accrual_worker;
grant select on referral to accrual_admin;
grant select on referral to accrual_api;
grant select on referral to accrual_staff;
grant insert, select on referral to accrual_worker;
grant insert, select on reward to accrual_admin;
grant select on reward to accrual_api;
grant select on reward to accrual_staff;
grant select on reward to accrual_worker;
grant select (bucket, subject, number) on reward_code to accrual_admin;
grant select (bucket, subject, number) on reward_code to accrual_api;
grant select (bucket, subject, number) on reward_code to accrual_staff;
grant select on reward_code to accrual_worker;
grant select on reward_given to accrual_admin;
grant select on reward_given to accrual_api;
grant select on reward_given to accrual_staff;
grant insert, select on reward_given to accrual_worker;
grant select on setting to accrual_admin;
grant select on setting to accrual_api;
grant select on setting to accrual_runtime;
grant select on setting to accrual_staff;
grant select on setting to accrual_worker;
grant select on sighting to accrual_admin;
grant select on sighting to accrual_api;
grant select on sighting to accrual_staff;
grant insert, select on sighting to accrual_worker;
grant insert, select, update on tail to accrual_admin;
grant insert, select, update on tail to accrual_api;
grant select on tail to accrual_staff;
grant insert, select, update on tail to accrual_worker;
grant select on undone to accrual_admin;
grant select on undone to accrual_api;
grant select on undone to accrual_staff;
grant insert, select on undone to accrual_worker;
grant select on unposted to accrual_admin;
grant select on unposted to accrual_api;
grant select on unposted to accrual_staff;
grant insert, select on unposted to accrual_worker;
grant insert, select, update on upkeep to accrual_admin;
grant insert, select, update on upkeep to accrual_api;
grant select on upkeep to accrual_staff;
grant insert, select, update on upkeep to accrual_worker;
grant select on worker to accrual_admin;
grant select on worker to accrual_api;
grant insert, select on worker to accrual_runtime;
grant select on worker to accrual_staff;
grant delete, insert, select, update on worker to accrual_worker;
