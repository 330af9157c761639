-- The whole first schema: log, lanes, ledger, catalogue. Run by the owner role; the runtime role's rights stand in rights.sql.

create table setting (
    name text primary key,
    value text not null
);

-- Small global tables: written rarely, never inside a posting transaction.

create table programme (
    programme_id integer primary key check (programme_id between 1 and 32767),
    code text not null unique,
    revision integer not null
);

create table programme_revision (
    programme_id integer not null references programme,
    revision integer not null,
    recorded_at timestamptz not null,
    actor text not null,
    settings jsonb not null,
    outlets jsonb not null,
    primary key (programme_id, revision)
);

create table asset (
    programme_id integer not null references programme,
    asset_id integer not null,
    code text not null,
    document jsonb not null,
    primary key (asset_id),
    unique (programme_id, code)
);

create table client (
    client_id integer primary key check (client_id between 1 and 32767),
    programme_id integer not null references programme,
    code text not null,
    key_digest bytea,
    document jsonb not null,
    ended_at timestamptz,
    unique (programme_id, code)
);

create unique index client_key on client (key_digest) where key_digest is not null and ended_at is null;

create table promo (
    programme_id integer not null references programme,
    promo_id integer not null,
    code text not null,
    origin text not null,
    primary key (promo_id),
    unique (programme_id, code)
);

create table promo_version (
    promo_version_id integer primary key,
    programme_id integer not null references programme,
    promo_id integer not null references promo,
    version integer not null,
    revision integer not null,
    recorded_at timestamptz not null,
    actor text not null,
    effective_from timestamptz,
    document jsonb not null,
    unique (promo_id, version)
);

create index promo_version_programme on promo_version (programme_id, revision);

create table reward (
    programme_id integer not null references programme,
    reward_id integer not null,
    code text not null,
    document jsonb not null,
    primary key (programme_id, reward_id),
    unique (programme_id, code)
);

create table audit (
    audit_id uuid primary key,
    programme_id integer,
    recorded_at timestamptz not null,
    actor text not null,
    action text not null,
    subject text not null,
    before jsonb,
    after jsonb
);

create index audit_recorded on audit (recorded_at);

-- Lane processes: a lane is dead when its beat has not moved for the lease on the observer's own clock.

create table worker (
    worker_id uuid primary key,
    beat bigint not null,
    backend_pid integer not null,
    backend_start timestamptz not null,
    started_at timestamptz not null,
    label text not null,
    report jsonb
) with (fillfactor = 10);

create table tail (
    bucket integer primary key,
    next bigint not null,
    recorded_at timestamptz not null
) with (fillfactor = 10);

create table lane (
    bucket integer primary key,
    cursor bigint not null,
    prior_cursor bigint not null,
    epoch bigint not null,
    owner uuid,
    clean boolean not null,
    suspicion smallint not null,
    chain bytea not null,
    outbox_next bigint not null
) with (fillfactor = 10);

-- Member-scoped tables: bucket first in every key.

create table member (
    bucket integer not null,
    member_id bytea not null,
    programme_id integer not null,
    enrolled_at timestamptz not null,
    enrolled_position bigint not null,
    merged_into bytea,
    name text,
    primary key (bucket, member_id)
);

create table identity (
    bucket integer not null,
    programme_id integer not null,
    kind text not null,
    value text not null,
    member_id bytea not null,
    primary key (bucket, programme_id, kind, value)
);

create index identity_member on identity (bucket, member_id);

create table referral (
    bucket integer not null,
    member_id bytea not null,
    position bigint not null,
    referrer_kind text not null,
    referrer_value text not null,
    primary key (bucket, member_id)
);

-- The columns of command, outcome and line stand in an order without gaps, wide ones first; a command without a name has
-- '' there, because a single null costs a row 8 bytes. Their keys rise within a bucket, so full pages are never split.

create table command (
    position bigint not null,
    recorded_at timestamptz not null,
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
    primary key (bucket, position) with (fillfactor = 100)
);

create unique index command_ticket on command (bucket, ticket);

alter table command alter column facts set storage external;
alter table command alter column body set storage external;

create table key_home (
    bucket integer not null,
    client_id integer not null,
    key_digest bytea not null,
    ticket uuid not null,
    content bytea not null,
    primary key (bucket, client_id, key_digest)
);

create table outcome (
    position bigint not null,
    bucket integer not null,
    status smallint not null,
    chain bytea not null,
    payload bytea not null,
    primary key (bucket, position) with (fillfactor = 100)
) with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 2000000);

create table account (
    bucket integer not null,
    account_id bigint not null,
    programme_id integer not null,
    asset_id integer not null,
    role smallint not null,
    member_id bytea,
    floor bigint,
    primary key (bucket, account_id)
);

create index account_member on account (bucket, member_id) where member_id is not null;

create table line (
    account bigint not null,
    position bigint not null,
    amount bigint not null,
    balance_after bigint not null,
    occurred_at timestamptz not null,
    bucket integer not null,
    contra integer not null,
    promo_version_id integer,
    leg smallint not null,
    kind smallint not null,
    held_after bigint,
    active_at timestamptz,
    expires_at timestamptz,
    covers_from bigint,
    primary key (bucket, account, position, leg)
) with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 2000000);

create index line_expiring on line (bucket, expires_at) where expires_at is not null;
create index line_activating on line (bucket, active_at) where active_at is not null;

-- Positions of a member's commands that wrote no line of theirs, so that the history finds them; the rest are in line.

create table unposted (
    bucket integer not null,
    member_id bytea not null,
    position bigint not null,
    primary key (bucket, member_id, position)
);

create table lot_use (
    bucket integer not null,
    account bigint not null,
    position bigint not null,
    lot_position bigint not null,
    lot_leg smallint not null,
    amount bigint not null,
    primary key (bucket, account, position, lot_position, lot_leg)
);

create table lot_snapshot (
    bucket integer not null,
    account bigint not null,
    position bigint not null,
    lots bytea not null,
    primary key (bucket, account, position)
);

create table hold (
    bucket integer not null,
    hold_id uuid not null,
    account bigint not null,
    position bigint not null,
    amount bigint not null,
    expires_at timestamptz,
    resolved_position bigint,
    primary key (bucket, hold_id)
);

create table counter (
    bucket integer not null,
    member_id bytea not null,
    promo_id integer not null,
    slot smallint not null,
    period integer not null,
    position bigint not null,
    value_after bigint not null,
    primary key (bucket, member_id, promo_id, slot, period, position)
);

create table budget (
    promo_id integer not null,
    slot smallint not null,
    period integer not null,
    cap bigint not null,
    remaining bigint not null,
    primary key (promo_id, slot, period)
);

create table budget_share (
    bucket integer not null,
    promo_id integer not null,
    slot smallint not null,
    period integer not null,
    remaining bigint not null,
    primary key (bucket, promo_id, slot, period)
);

create table quota (
    bucket integer not null,
    subject bytea not null,
    promo_id integer not null,
    slot smallint not null,
    period integer not null,
    cap bigint not null,
    remaining bigint not null,
    primary key (bucket, subject, promo_id, slot, period)
);

create table prize_stock (
    bucket integer not null,
    promo_id integer not null,
    prize smallint not null,
    remaining bigint not null,
    primary key (bucket, promo_id, prize)
);

create table outbox (
    bucket integer not null,
    sequence bigint not null,
    position bigint not null,
    recorded_at timestamptz not null,
    kind text not null,
    payload bytea not null,
    primary key (bucket, sequence)
);

create table parked (
    bucket integer not null,
    position bigint not null,
    parked_at timestamptz,
    error text not null,
    tries integer not null,
    facts bytea,
    resumed_position bigint,
    primary key (bucket, position)
);
