-- Draws: rounds with their commitments, secrets apart from them, entries in order, winners of raffles.

create table draw_round (
    promo_id integer not null,
    round integer not null,
    programme_id integer not null,
    revision integer not null,
    commitment text not null,
    recorded_at timestamptz not null,
    actor text not null,
    closed_at timestamptz,
    entries bigint,
    root text,
    drawn_at timestamptz,
    primary key (promo_id, round)
);

-- Read by lanes and by whoever discloses; nothing of it is shown before its round is closed.
create table draw_secret (
    promo_id integer not null,
    round integer not null,
    secret bytea not null,
    primary key (promo_id, round)
);

-- The newest row of a bucket is the head of its chain.
create table draw_entry (
    bucket integer not null,
    promo_id integer not null,
    round integer not null,
    number bigint not null,
    position bigint not null,
    units bigint not null,
    member_id bytea not null,
    chain bytea not null,
    primary key (bucket, promo_id, round, number)
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
    drawn_at timestamptz not null,
    claim_by timestamptz,
    claimed_at timestamptz,
    expired_at timestamptz,
    granted_at timestamptz,
    primary key (promo_id, round, pick)
);
