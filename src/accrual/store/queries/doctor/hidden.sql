-- How many sessions with a database do not show to this role what they do.
select count(*) from pg_stat_activity a where a.query = '<insufficient privilege>' and a.datid is not null
