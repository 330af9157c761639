-- What the one role of earlier releases may do, for servers on which nobody could make the four roles yet.
-- Not a migration: given until the roles are there.

grant usage on schema public to accrual_runtime;
revoke all on all tables in schema public from accrual_runtime;
grant select, insert on all tables in schema public to accrual_runtime;
revoke insert on migration, setting, installation_secret, audit_chain from accrual_runtime;
grant update on programme, asset, client, promo, reward, point_reward, link_node, held_referral, held_command, worker, tail,
    checkpoint_stream, lane, member, hold, budget, budget_share, quota, prize_stock, parked, draw_round, draw_winner, upkeep to accrual_runtime;
grant delete on worker, checkpoint to accrual_runtime;
grant execute on function audit_state(), draw_publish(integer, integer), reward_code_add(integer, bytea, text[])
    to accrual_runtime;
