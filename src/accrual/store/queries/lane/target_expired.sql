-- How much expired of what one command credited, by leg: of its own lots and of those that continue them. $5: the kind.
select coalesce(k.origin_leg, k.leg) as leg, sum(u.amount)::bigint as expired
from account a
join line k on k.bucket = a.bucket and k.account = a.account_id
join lot_use u
    on u.bucket = k.bucket and u.account = k.account and u.lot_position = k.position and u.lot_leg = k.leg
where a.bucket = $1::integer and a.member_id = $2::bytea and k.amount > 0 and u.kind = $5::smallint
    and (
        (k.origin_position is null and k.bucket = $3::integer and k.position = $4::bigint)
        or (k.origin_bucket = $3::integer and k.origin_position = $4::bigint)
    )
group by coalesce(k.origin_leg, k.leg)
