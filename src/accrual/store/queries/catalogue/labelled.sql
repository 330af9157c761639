-- How many sessions of this database have a name; PostgreSQL shows names of every login's sessions to everybody.
select count(*) from pg_stat_activity where datname = current_database() and application_name = $1
