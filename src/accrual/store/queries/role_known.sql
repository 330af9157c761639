-- How many roles of these names exist on the server.
select count(*) from pg_roles where rolname = any ($1::text[])
