-- Every line of a bucket in the order of its account, with the account's row where there is one, for a cursor. $1 bucket.
select l.account, l.position, l.leg, l.contra, l.amount, l.balance_after, l.held_after, l.covers_from,
       a.asset_id, a.role, a.floor, a.member_id
from line l
left join account a on a.bucket = l.bucket and a.account_id = l.account
where l.bucket = $1
order by l.account, l.position, l.leg
