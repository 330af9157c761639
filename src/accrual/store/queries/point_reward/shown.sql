-- Reads an owner's point rewards, newest first, with what holds of their promos. $1 programme, $2 client, $3 owner, $4 outlet or null, $5 most.
select r.point_reward_id, r.client_id, r.owner, r.outlet, r.number, r.terms, r.sent, r.is_active, r.promos, r.created_at,
    r.ended_at, array(
        select newest.status
        from promo p
        cross join lateral (
            select v.document ->> 'status' as status
            from promo_version v
            where v.promo_id = p.promo_id and v.document ->> 'status' not in ('draft', 'approved')
            order by v.version desc
            limit 1
        ) newest
        where p.programme_id = r.programme_id and p.code = any (r.promos)
    ) as statuses
from point_reward r
where r.programme_id = $1 and r.client_id = $2 and r.owner = $3 and ($4::text is null or r.outlet = $4)
    and r.ended_at is null
order by r.created_at desc, r.point_reward_id desc
limit $5
