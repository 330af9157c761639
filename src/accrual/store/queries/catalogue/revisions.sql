-- Reads the newest revision of every programme.
select programme_id, revision from programme
