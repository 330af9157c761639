-- Finds a programme by its code.
select programme_id, revision from programme where code = $1
