-- What one command set aside.
select h.bucket, h.hold_id, h.account, h.position, h.amount, h.expires_at, h.resolved_position
from hold h
where h.bucket = $1::integer and h.hold_id = $2::uuid
