-- Accounts of members who do not exist. $1 bucket, $2 limit.
select 'members' as check, null::bigint as position, a.account_id as account,
       'this account belongs to a member that does not exist' as text, 'account' as table
from account a
left join member m on m.bucket = a.bucket and m.member_id = a.member_id
where a.bucket = $1 and a.member_id is not null and m.member_id is null
order by a.account_id limit $2
