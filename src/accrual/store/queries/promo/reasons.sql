-- Reads which action made versions of a promo, and why. $1 programme, $2 subject, $3 the moments they were saved at.
select recorded_at, action, after ->> 'reason' as reason
from audit
where recorded_at = any ($3::timestamptz[]) and programme_id = $1 and subject = $2
