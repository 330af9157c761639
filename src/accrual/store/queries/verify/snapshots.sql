-- Every snapshot of open lots of a bucket, with its account's balance at its position, for a cursor. $1 bucket.
select s.account, s.position, s.lots, l.balance_after
from lot_snapshot s
left join lateral (
    select balance_after from line
    where bucket = s.bucket and account = s.account and position = s.position
    order by leg desc limit 1
) l on true
where s.bucket = $1
order by s.account, s.position
