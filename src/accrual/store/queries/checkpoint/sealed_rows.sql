-- Rows of a bucket's tables that never change once written, by position, for a cursor. $1 bucket, $2 from, $3 below position.
select source collate "C" as source, position, value collate "C" as value
from (
    select 'counter' as source, position,
           jsonb_build_array(encode(member_id, 'hex'), promo_id, slot, period, value_after)::text as value
    from counter where bucket = $1 and position >= $2 and position < $3
    union all
    select 'draw_entry', position,
           jsonb_build_array(promo_id, round, number, units, encode(member_id, 'hex'), encode(chain, 'hex'))::text
    from draw_entry where bucket = $1 and position >= $2 and position < $3
    union all
    select 'earning', position, jsonb_build_array(account, occurred_at, units)::text
    from earning where bucket = $1 and position >= $2 and position < $3
    union all
    select 'undone', position, jsonb_build_array(target, award, fact, line, units_after)::text
    from undone where bucket = $1 and position >= $2 and position < $3
    union all
    select 'awaited', position, jsonb_build_array(target)::text
    from awaited where bucket = $1 and position >= $2 and position < $3
    union all
    select 'referral', position, jsonb_build_array(encode(member_id, 'hex'), referrer_kind, referrer_value)::text
    from referral where bucket = $1 and position >= $2 and position < $3
    union all
    select 'outbox', position, jsonb_build_array(sequence, recorded_at, kind)::text
    from outbox where bucket = $1 and position >= $2 and position < $3
    union all
    select 'profile', position, jsonb_build_array(encode(member_id, 'hex'), encode(sha256(document), 'hex'))::text
    from profile where bucket = $1 and position >= $2 and position < $3
    union all
    select 'lot_snapshot', position, jsonb_build_array(account, encode(sha256(lots), 'hex'))::text
    from lot_snapshot where bucket = $1 and position >= $2 and position < $3
    union all
    select 'unposted', position, jsonb_build_array(encode(member_id, 'hex'))::text
    from unposted where bucket = $1 and position >= $2 and position < $3
    union all
    select 'member', enrolled_position, jsonb_build_array(encode(member_id, 'hex'), programme_id, enrolled_at)::text
    from member where bucket = $1 and enrolled_position >= $2 and enrolled_position < $3
    union all
    select 'hold', position, jsonb_build_array(hold_id, account, amount, expires_at)::text
    from hold where bucket = $1 and position >= $2 and position < $3
    union all
    select 'hold.resolved', resolved_position, jsonb_build_array(hold_id)::text
    from hold where bucket = $1 and resolved_position >= $2 and resolved_position < $3
    union all
    select 'held_command', position, jsonb_build_array(ticket, programme_id)::text
    from held_command where bucket = $1 and position >= $2 and position < $3
    union all
    select 'held_command.verdict', verdict_position, jsonb_build_array(ticket, verdict)::text
    from held_command where bucket = $1 and verdict_position >= $2 and verdict_position < $3
    union all
    select 'held_referral', position, jsonb_build_array(claim, programme_id)::text
    from held_referral where bucket = $1 and position >= $2 and position < $3
    union all
    select 'held_referral.verdict', verdict_position, jsonb_build_array(claim, verdict)::text
    from held_referral where bucket = $1 and verdict_position >= $2 and verdict_position < $3
    union all
    select 'parked', position, jsonb_build_array(parked_at, error)::text
    from parked where bucket = $1 and parked_at is not null and position >= $2 and position < $3
) r
order by 1, 2, 3
