-- Which of these client-wide keys are known already, and the ticket each stands for. `offset 0`: a probe for each.
select k.bucket, k.client_id, k.key_digest, k.ticket, k.content
from unnest($1::integer[], $2::integer[], $3::bytea[]) as wanted (bucket, client_id, key_digest)
cross join lateral (
    select h.bucket, h.client_id, h.key_digest, h.ticket, h.content
    from key_home h
    where h.bucket = wanted.bucket and h.client_id = wanted.client_id and h.key_digest = wanted.key_digest
    offset 0
) k
