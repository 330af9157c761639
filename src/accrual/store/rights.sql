-- What each role may do; the roles are explained in docs/operating/running.md and in roles.py.
-- Not a migration: given anew after every migration, and again when the roles are made later than the tables.

grant usage on schema public to accrual_runtime, accrual_api, accrual_staff, accrual_worker, accrual_admin;
revoke all on all tables in schema public from accrual_runtime, accrual_api, accrual_staff, accrual_worker, accrual_admin;
revoke all on all functions in schema public from accrual_runtime, accrual_api, accrual_staff, accrual_worker, accrual_admin;

-- The login of all four by itself: what a session needs to know before it acts as one of them.
grant select on migration, setting, worker, lane to accrual_runtime;
grant insert on worker to accrual_runtime;

-- Everybody reads everything but secrets and the codes that members have not been given.
grant select on all tables in schema public to accrual_api, accrual_staff, accrual_worker, accrual_admin;
revoke select on draw_secret, installation_secret, reward_code from accrual_api, accrual_staff, accrual_admin;
grant select (bucket, subject, number) on reward_code to accrual_api, accrual_staff, accrual_admin;
grant execute on function audit_state() to accrual_api, accrual_staff, accrual_worker, accrual_admin;

-- Appends to the log.
grant insert on command, key_home, tail, upkeep to accrual_api, accrual_worker, accrual_admin;
grant update on tail, upkeep to accrual_api, accrual_worker, accrual_admin;

-- What staff change while the server runs: versions of promos, rules of outlets, draws, codes of rewards, verdicts.
grant insert on promo, promo_version, programme_revision, point_reward, draw_round, draw_secret, draw_winner, audit
    to accrual_staff, accrual_admin;
grant update (revision) on programme to accrual_staff, accrual_admin;
grant update (closed_at, entries, root, drawn_at, share, beacon_value) on draw_round to accrual_staff, accrual_admin;
grant update (claimed_at, expired_at, granted_at) on draw_winner to accrual_staff, accrual_admin;
grant update on point_reward to accrual_staff, accrual_admin;
grant execute on function draw_publish(integer, integer), reward_code_add(integer, bytea, text[])
    to accrual_staff, accrual_admin;

-- Signs checkpoints beside the API.
grant insert on checkpoint, checkpoint_row, checkpoint_seal, checkpoint_stream to accrual_staff, accrual_admin;
grant update on checkpoint_stream to accrual_staff, accrual_admin;
grant delete on checkpoint to accrual_staff, accrual_admin;

-- What programme files say besides: programmes, assets, rewards, clients with their keys and rights.
grant insert on programme, asset, client, reward to accrual_admin;
grant update on asset, client to accrual_admin;

-- Posts what it decides.
grant insert on account, awaited, budget, budget_share, counter, draw_entry, earning, held_command, held_referral, hold,
    identity, lane, line, link_node, lot_snapshot, lot_use, member, outbox, outcome, parked, prize_stock, profile, quota,
    referral, reward_given, sighting, undone, unposted, worker to accrual_worker;
grant update on budget, budget_share, held_command, held_referral, hold, lane, link_node, member, parked, prize_stock, quota,
    worker to accrual_worker;
grant delete on worker to accrual_worker;
-- Not to change it: PostgreSQL asks for this of who keeps a row from being changed until a posting is done.
grant update (entries) on draw_round to accrual_worker;
