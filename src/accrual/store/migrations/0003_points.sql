-- Points through their whole life: lots that continue others, holds by member, what was given back or returned of what.

alter table line add column origin_bucket integer;
alter table line add column origin_position bigint;
alter table line add column origin_leg smallint;

-- What a member has beyond the usual, so that nothing else is looked up for the others. Bits: domain/members.py.

alter table member add column marks smallint;

-- How much of a command was undone so far, a row for each time; the newest holds. fact and line are -1 for the whole.

create table undone (
    bucket integer not null,
    target uuid not null,
    award smallint not null,
    fact smallint not null,
    line smallint not null,
    position bigint not null,
    units_after bigint not null,
    primary key (bucket, target, award, fact, line, position)
);

-- Returns that came before their purchase, by the purchase they wait for.

create table awaited (
    bucket integer not null,
    target uuid not null,
    position bigint not null,
    primary key (bucket, target, position)
);

create index hold_open on hold (bucket, expires_at) where resolved_position is null;

-- Why a debit took from a lot: what expired is told from what was spent.

alter table lot_use add column kind smallint not null default 4;
alter table lot_use drop constraint lot_use_pkey;
alter table lot_use add primary key (bucket, account, position, lot_position, lot_leg, kind);
