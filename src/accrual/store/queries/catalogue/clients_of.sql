-- Reads the clients of a programme, the ended ones too.
select client_id, programme_id, document, key_digest, ended_at is not null as ended from client
where programme_id = $1 order by client_id
