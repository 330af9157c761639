-- Settings that durability and health hang on. $1 names.
select name, setting from pg_settings where name = any ($1::text[])
