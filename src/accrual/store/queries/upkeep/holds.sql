-- Holds whose time is over, soonest first. $1 bucket, $2 until, $3 and $4 the one to go on behind, $5 limit.
select h.hold_id, h.expires_at, a.programme_id, a.member_id
from hold h
join account a on a.bucket = h.bucket and a.account_id = h.account
where h.bucket = $1
    and h.resolved_position is null
    and h.expires_at <= $2
    and (h.expires_at, h.hold_id) > ($3::timestamptz, $4::uuid)
order by h.expires_at, h.hold_id
limit $5
