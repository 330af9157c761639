-- Upkeep: up to which instant each bucket was looked through for what falls due, and how waiting returns are found.

create table upkeep (
    bucket integer primary key,
    done_until timestamptz not null
) with (fillfactor = 50);

create index parked_open on parked (bucket, position) where resumed_position is null;
create index awaited_position on awaited (bucket, position);
