-- Makes a point reward, or changes what is said of it; whose it is and its number never change.
insert into point_reward (programme_id, point_reward_id, client_id, owner, outlet, number, name_folded, terms, sent,
    is_active, promos, created_at, ended_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
on conflict (programme_id, point_reward_id) do update set name_folded = excluded.name_folded, terms = excluded.terms,
    sent = excluded.sent, is_active = excluded.is_active, promos = excluded.promos, ended_at = excluded.ended_at
