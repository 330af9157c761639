-- Commands that a rule of velocity holds for review, and what was decided about them.

create table held_command (
    bucket integer not null,
    ticket uuid not null,
    position bigint not null,
    programme_id integer not null,
    verdict smallint not null,
    verdict_position bigint,
    primary key (bucket, ticket)
);

create index held_command_open on held_command (bucket, programme_id, position) where verdict = 0;
