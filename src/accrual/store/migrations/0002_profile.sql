-- Profiles: what is known of members beyond points, a row for each command that changed it; the newest of a member holds.

create table profile (
    bucket integer not null,
    member_id bytea not null,
    position bigint not null,
    document bytea not null,
    primary key (bucket, member_id, position)
);

-- Finds what a command tried again, from where it was decided.

create index parked_resumed on parked (bucket, resumed_position) where resumed_position is not null;
