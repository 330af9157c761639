-- Rewards: their documents stand in the revision, `reward` numbers them; pools of voucher codes, and which were given.

alter table reward drop column document;
alter table programme_revision add column rewards jsonb not null default '[]';

-- Both live in the bucket of the reward's subject. Codes are given in order; a number is given once, by the posting.

create table reward_code (
    bucket integer not null,
    subject bytea not null,
    number bigint not null,
    code text not null,
    primary key (bucket, subject, number)
);

create unique index reward_code_code on reward_code (bucket, subject, code);

create table reward_given (
    bucket integer not null,
    subject bytea not null,
    number bigint not null,
    ticket uuid not null,
    primary key (bucket, subject, number)
);
