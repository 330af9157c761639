-- Whether a role of this name exists on the server.
select exists (select from pg_roles where rolname = $1)
