-- Raises a programme's revision, under its lock.
update programme set revision = $2 where programme_id = $1
