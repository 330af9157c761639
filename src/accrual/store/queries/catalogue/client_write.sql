-- Makes a client with the next free number, or changes it; it is then no longer ended.
insert into client (client_id, programme_id, code, key_digest, document)
select coalesce(max(client_id), 0) + 1, $1, $2, $3, $4 from client
on conflict (programme_id, code)
do update set key_digest = excluded.key_digest, document = excluded.document, ended_at = null
