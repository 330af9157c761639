-- Rows of the tables that every command adds to.
-- all buckets: a benchmark weighs the whole database
select 'command' as name, count(1) as rows from command
union all
select 'outcome', count(1) from outcome
union all
select 'line', count(1) from line
