-- Point rewards of the Profitflow dialect: whose they are, their numbers and terms; what they give stands in promos.

create table point_reward (
    programme_id integer not null references programme,
    point_reward_id integer not null,
    client_id integer not null references client,
    owner text not null,
    outlet text not null,
    number integer not null,
    name_folded text not null,
    terms jsonb not null,
    sent jsonb not null,
    is_active boolean not null,
    promos text[] not null,
    created_at timestamptz not null,
    ended_at timestamptz,
    primary key (programme_id, point_reward_id),
    unique (programme_id, client_id, owner, outlet, number)
);

create unique index point_reward_name on point_reward (programme_id, client_id, owner, outlet, name_folded)
where ended_at is null;
