-- Finds a programme by its code and lets nobody else change it until the transaction ends.
select programme_id, revision from programme where code = $1 for update
