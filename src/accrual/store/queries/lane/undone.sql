-- How much of each part of a command was undone: the newest row of each part, in whichever of the buckets it was written.
select u.award, u.fact, u.line, max(u.units_after) as units_after
from undone u
where u.bucket = any ($1::integer[]) and u.target = $2::uuid
group by u.award, u.fact, u.line
