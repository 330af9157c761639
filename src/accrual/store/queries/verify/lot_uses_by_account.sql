-- What debits took from lots, a sum each account and position, between two places in account order. $1 bucket, $2-$5.
select account, position, sum(amount)
from lot_use
where bucket = $1 and (account, position) >= ($2, $3) and (account, position) <= ($4, $5)
group by account, position
