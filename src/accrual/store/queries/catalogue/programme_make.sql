-- Makes a programme with the next free number, at the revision before its first.
insert into programme (programme_id, code, revision)
select coalesce(max(programme_id), 0) + 1, $1, 0 from programme
returning programme_id, revision
