-- Rows that the stream of rows covers, each with a digest of what it says, for a cursor. $1 audit rows recorded from then on.
select source collate "C" as source, key collate "C" as key, sha256(convert_to(value, 'UTF8')) as digest
from (
    select 'programme' as source, jsonb_build_array(programme_id)::text as key,
           jsonb_build_array(programme_id, code, revision)::text as value
    from programme
    union all
    select 'asset', jsonb_build_array(asset_id)::text, jsonb_build_array(programme_id, asset_id, code, document)::text
    from asset
    union all
    select 'client', jsonb_build_array(client_id)::text,
           jsonb_build_array(client_id, programme_id, code, encode(key_digest, 'hex'), document, ended_at)::text
    from client
    union all
    select 'promo', jsonb_build_array(promo_id)::text, jsonb_build_array(programme_id, promo_id, code, origin)::text
    from promo
    union all
    select 'promo_version', jsonb_build_array(promo_version_id)::text,
           jsonb_build_array(promo_version_id, programme_id, promo_id, version, revision, recorded_at, actor, effective_from,
                             document)::text
    from promo_version
    union all
    select 'programme_revision', jsonb_build_array(programme_id, revision)::text,
           jsonb_build_array(programme_id, revision, recorded_at, actor, settings, outlets, rewards)::text
    from programme_revision
    union all
    select 'reward', jsonb_build_array(programme_id, reward_id)::text,
           jsonb_build_array(programme_id, reward_id, code)::text
    from reward
    union all
    select 'point_reward', jsonb_build_array(programme_id, point_reward_id)::text,
           jsonb_build_array(programme_id, point_reward_id, client_id, owner, outlet, number, name_folded, terms, sent,
                             is_active, promos, created_at, ended_at)::text
    from point_reward
    union all
    select 'draw_round', jsonb_build_array(promo_id, round)::text,
           jsonb_build_array(promo_id, round, programme_id, revision, commitment, recorded_at, actor, scheme, shared, beacon)::text
    from draw_round
    union all
    select 'draw_round.share', jsonb_build_array(promo_id, round)::text, jsonb_build_array(promo_id, round, share)::text
    from draw_round where share is not null
    union all
    select 'draw_round.secret', jsonb_build_array(promo_id, round)::text, jsonb_build_array(promo_id, round, encode(secret, 'hex'))::text
    from draw_round where secret is not null
    union all
    select 'draw_round.beacon', jsonb_build_array(promo_id, round)::text, jsonb_build_array(promo_id, round, beacon_value)::text
    from draw_round where beacon_value is not null
    union all
    select 'draw_round.closed', jsonb_build_array(promo_id, round)::text, jsonb_build_array(promo_id, round, closed_at)::text
    from draw_round where closed_at is not null
    union all
    select 'draw_round.root', jsonb_build_array(promo_id, round)::text, jsonb_build_array(promo_id, round, entries, root)::text
    from draw_round where root is not null
    union all
    select 'draw_round.drawn', jsonb_build_array(promo_id, round)::text, jsonb_build_array(promo_id, round, drawn_at)::text
    from draw_round where drawn_at is not null
    union all
    select 'draw_winner', jsonb_build_array(promo_id, round, pick)::text,
           jsonb_build_array(promo_id, round, pick, piece, prize, asset, amount, bucket, number, ticket,
                             encode(member_id, 'hex'), drawn_at, claim_by)::text
    from draw_winner
    union all
    select 'draw_winner.claimed', jsonb_build_array(promo_id, round, pick)::text,
           jsonb_build_array(promo_id, round, pick, claimed_at)::text
    from draw_winner where claimed_at is not null
    union all
    select 'draw_winner.expired', jsonb_build_array(promo_id, round, pick)::text,
           jsonb_build_array(promo_id, round, pick, expired_at)::text
    from draw_winner where expired_at is not null
    union all
    select 'draw_winner.granted', jsonb_build_array(promo_id, round, pick)::text,
           jsonb_build_array(promo_id, round, pick, granted_at)::text
    from draw_winner where granted_at is not null
    union all
    select 'migration', jsonb_build_array(name)::text, jsonb_build_array(name, digest, applied_at)::text
    from migration
    union all
    select 'audit', jsonb_build_array(audit_id)::text,
           jsonb_build_array(audit_id, programme_id, recorded_at, actor, action, subject, before, after)::text
    from audit where recorded_at >= $1
    union all
    select 'audit_chain', jsonb_build_array(programme_id, number)::text,
           jsonb_build_array(programme_id, number, encode(chain, 'hex'), recorded_at, transaction, subject, subject_key, operation,
                             encode(before_digest, 'hex'), encode(after_digest, 'hex'), session_role, acting_role, actor,
                             details)::text
    from audit_chain where recorded_at >= $1
) r
order by 1, 2
