-- A page of a programme's referrals that are held for review (or were: $3 false), oldest first, behind position $4.
select h.bucket, h.claim, h.position, h.programme_id, h.verdict, h.verdict_position, c.client_id, c.recorded_at, c.facts
from held_referral h
join command c on c.bucket = h.bucket and c.position = h.position
where h.bucket = $1::integer and h.programme_id = $2::integer and h.position > $4::bigint
    and (h.verdict = 0 or not $3::boolean)
order by h.position
limit $5::integer
