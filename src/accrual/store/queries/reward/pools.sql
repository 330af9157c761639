-- How many codes pools were loaded with, and how many were given. $1 buckets, $2 subjects.
select w.subject,
       (select count(*) from reward_code c where c.bucket = w.bucket and c.subject = w.subject) as loaded,
       (select count(*) from reward_given g where g.bucket = w.bucket and g.subject = w.subject) as given
from unnest($1::integer[], $2::bytea[]) as w (bucket, subject)
