-- Which rows of the audit and its chain the stream of rows has. $1 sources, $2 keys; one a place.
select r.source, r.key
from unnest($1::text[], $2::text[]) as u (source, key)
join checkpoint_row r on r.source = u.source and r.key = u.key
