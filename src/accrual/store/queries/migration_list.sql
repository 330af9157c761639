-- Reads which migrations were applied, oldest first.
select name, digest from migration order by name
