-- The numbers of the next codes of a reward's pool, never the codes. $1 bucket, $2 subject, $3 how many.
select number from reward_code
where bucket = $1 and subject = $2
  and number > coalesce((select max(number) from reward_given where bucket = $1 and subject = $2), 0)
order by number limit $3
