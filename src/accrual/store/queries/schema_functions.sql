-- Describes the functions of the schema, each with its whole text.
select pg_get_functiondef(oid) as definition from pg_proc where pronamespace = 'public'::regnamespace order by proname
