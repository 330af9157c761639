-- Reads settings, outlets and rewards of a programme as they were at a revision.
select settings, outlets, rewards from programme_revision
where programme_id = $1 and revision <= $2
order by revision desc limit 1
