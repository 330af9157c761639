-- Referrals that were held for review, by their claims, with the claims themselves.
select h.bucket, h.claim, h.position, h.programme_id, h.verdict, h.verdict_position, c.client_id, c.recorded_at, c.facts
from held_referral h
join command c on c.bucket = h.bucket and c.position = h.position
where h.bucket = $1::integer and h.claim = any ($2::uuid[])
