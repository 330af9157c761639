-- Signed checkpoints of the history: the newest ones, how far each stream is covered, and the leaves of two streams.
-- compat: 12

create table checkpoint (
    number integer not null primary key,
    recorded_at timestamptz not null,
    signature bytea not null,
    line text not null
);

-- The roots of the complete subtrees of each stream; `head` is the bucket's chain head behind the last leaf.
create table checkpoint_stream (
    name text not null primary key,
    size bigint not null,
    head bytea not null,
    hashes bytea not null
);

-- Versions of rows of the catalogue, the audit and draws, as they were first seen.
create table checkpoint_row (
    sequence bigint not null primary key,
    number integer not null,
    source text not null collate "C",
    key text not null collate "C",
    digest bytea not null
);

create unique index checkpoint_row_key on checkpoint_row (source, key, sequence);

-- Digests over stretches of bucket tables that the chain does not cover.
create table checkpoint_seal (
    sequence bigint not null primary key,
    bucket integer not null,
    first bigint not null,
    until bigint not null,
    tables text not null
);

create index checkpoint_seal_bucket on checkpoint_seal (bucket, first);
