-- A small posting's usual tables in one statement, fence and all; dividing by nought undoes it whole where the fence refuses.
with fence as (
    insert into lane as l (bucket, prior_cursor, cursor, epoch, chain, outbox_next, clean, suspicion)
    select a.bucket, a.prior_cursor, a.cursor, a.epoch, a.chain, a.outbox_next, false, a.suspicion
    from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[], $7::smallint[])
        as a (bucket, prior_cursor, cursor, epoch, chain, outbox_next, suspicion)
    order by a.bucket
    on conflict (bucket) do update
        set prior_cursor = excluded.prior_cursor, cursor = excluded.cursor, chain = excluded.chain,
            outbox_next = excluded.outbox_next, suspicion = excluded.suspicion
        where l.epoch = excluded.epoch and l.cursor = excluded.prior_cursor
    returning l.bucket
), outcomes as (
    insert into outcome
        (position, bucket, status, chain, payload)
    select u.position, u.bucket, u.status, u.chain, u.payload
    from unnest($8::bigint[], $9::integer[], $10::smallint[], $11::bytea[], $12::bytea[])
        as u (position, bucket, status, chain, payload)
), lines as (
    insert into line
        (bucket, account, position, leg, contra, amount, balance_after, held_after, kind, promo_version_id,
        active_at, expires_at, occurred_at, covers_from, origin_bucket, origin_position, origin_leg)
    select u.bucket, u.account, u.position, u.leg, u.contra, u.amount, u.balance_after, u.held_after, u.kind,
        u.promo_version_id, u.active_at, u.expires_at, u.occurred_at, u.covers_from, u.origin_bucket,
        u.origin_position, u.origin_leg
    from unnest($13::integer[], $14::bigint[], $15::bigint[], $16::smallint[], $17::integer[], $18::bigint[],
        $19::bigint[], $20::bigint[], $21::smallint[], $22::integer[], $23::timestamptz[], $24::timestamptz[],
        $25::timestamptz[], $26::bigint[], $27::integer[], $28::bigint[], $29::smallint[])
        as u (bucket, account, position, leg, contra, amount, balance_after, held_after, kind, promo_version_id,
            active_at, expires_at, occurred_at, covers_from, origin_bucket, origin_position, origin_leg)
), lot_uses as (
    insert into lot_use
        (bucket, account, position, lot_position, lot_leg, amount, kind)
    select u.bucket, u.account, u.position, u.lot_position, u.lot_leg, u.amount, u.kind
    from unnest($30::integer[], $31::bigint[], $32::bigint[], $33::bigint[], $34::smallint[], $35::bigint[],
        $36::smallint[])
        as u (bucket, account, position, lot_position, lot_leg, amount, kind)
), counters as (
    insert into counter
        (bucket, member_id, promo_id, slot, period, position, value_after)
    select u.bucket, u.member_id, u.promo_id, u.slot, u.period, u.position, u.value_after
    from unnest($37::integer[], $38::bytea[], $39::integer[], $40::smallint[], $41::integer[], $42::bigint[],
        $43::bigint[])
        as u (bucket, member_id, promo_id, slot, period, position, value_after)
), unposted_ones as (
    insert into unposted
        (bucket, member_id, position)
    select u.bucket, u.member_id, u.position
    from unnest($44::integer[], $45::bytea[], $46::bigint[])
        as u (bucket, member_id, position)
), events as (
    insert into outbox
        (bucket, sequence, position, recorded_at, kind, payload)
    select u.bucket, u.sequence, u.position, u.recorded_at, u.kind, u.payload
    from unnest($47::integer[], $48::bigint[], $49::bigint[], $50::timestamptz[], $51::text[], $52::bytea[])
        as u (bucket, sequence, position, recorded_at, kind, payload)
), members as (
    insert into member
        (bucket, member_id, programme_id, enrolled_at, enrolled_position, name)
    select u.bucket, u.member_id, u.programme_id, u.enrolled_at, u.enrolled_position, u.name
    from unnest($53::integer[], $54::bytea[], $55::integer[], $56::timestamptz[], $57::bigint[], $58::text[])
        as u (bucket, member_id, programme_id, enrolled_at, enrolled_position, name)
), identities as (
    insert into identity
        (bucket, programme_id, kind, value, member_id)
    select u.bucket, u.programme_id, u.kind, u.value, u.member_id
    from unnest($59::integer[], $60::integer[], $61::text[], $62::text[], $63::bytea[])
        as u (bucket, programme_id, kind, value, member_id)
), accounts as (
    insert into account
        (bucket, account_id, programme_id, asset_id, role, member_id, floor)
    select u.bucket, u.account_id, u.programme_id, u.asset_id, u.role, u.member_id, u.floor
    from unnest($64::integer[], $65::bigint[], $66::integer[], $67::integer[], $68::smallint[], $69::bytea[],
        $70::bigint[])
        as u (bucket, account_id, programme_id, asset_id, role, member_id, floor)
)
select 1 / case when count(*) = cardinality($1::integer[]) then 1 else 0 end from fence
