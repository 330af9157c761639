-- The stored facts and erasable body of one command.
select c.facts, c.body
from command c
where c.bucket = $1 and c.position = $2
