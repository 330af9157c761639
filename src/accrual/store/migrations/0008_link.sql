-- Where a programme's referral links are decided: who hangs together, what is held for review, which device was seen with whom.

create table link_node (
    bucket integer not null,
    member_id bytea not null,
    above bytea,
    size integer not null,
    linked boolean not null,
    referrer_kind text,
    referrer_value text,
    primary key (bucket, member_id)
);

create table held_referral (
    bucket integer not null,
    claim uuid not null,
    position bigint not null,
    programme_id integer not null,
    verdict smallint not null,
    verdict_position bigint,
    primary key (bucket, claim)
);

create index held_referral_open on held_referral (bucket, programme_id, position) where verdict = 0;

create table sighting (
    bucket integer not null,
    install bytea not null,
    member_id bytea not null,
    primary key (bucket, install, member_id)
);
