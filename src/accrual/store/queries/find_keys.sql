-- Which of these client-wide keys are known already, and the ticket each stands for.
select k.bucket, k.client_id, k.key_digest, k.ticket, k.content
from unnest($1::integer[], $2::integer[], $3::bytea[]) as wanted (bucket, client_id, key_digest)
join key_home k on k.bucket = wanted.bucket and k.client_id = wanted.client_id and k.key_digest = wanted.key_digest
