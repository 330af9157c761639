-- Up to when the bucket that is furthest behind was looked through for what falls due, and how many ever were.
select min(u.done_until), count(*) from upkeep u
