-- What counts towards levels besides award lines: returns (below 0) at the moment of what they return, and mergers.

create table earning (
    bucket integer not null,
    account bigint not null,
    position bigint not null,
    occurred_at timestamptz not null,
    units bigint not null,
    primary key (bucket, account, position, occurred_at)
);
