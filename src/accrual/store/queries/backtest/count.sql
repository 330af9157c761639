-- How many commands are decided.
-- all buckets: one small row each, asked once before the log is read
select coalesce(sum(cursor - 1), 0)::bigint from lane
