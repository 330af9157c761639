-- What the runtime role may do: read and append, change only what is state by design, and never the history.
-- Not a migration: given anew after every migration, and again when the role is made later than the tables.

grant usage on schema public to accrual_runtime;
revoke all on all tables in schema public from accrual_runtime;
grant select, insert on all tables in schema public to accrual_runtime;
revoke insert on migration, setting, audit_chain from accrual_runtime;
grant update on programme, asset, client, promo, reward, point_reward, link_node, held_referral, held_command, worker, tail, lane, member, hold, budget,
    checkpoint_stream, budget_share, quota, prize_stock, parked, draw_round, draw_winner, upkeep to accrual_runtime;
grant delete on worker, checkpoint to accrual_runtime;
