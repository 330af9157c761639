-- Whether this database has a list of migrations at all.
select to_regclass('public.migration') is not null
