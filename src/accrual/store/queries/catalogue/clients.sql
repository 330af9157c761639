-- Reads every client that has not been ended.
select client_id, programme_id, document, key_digest from client where ended_at is null order by client_id
