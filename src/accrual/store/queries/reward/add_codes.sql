-- Adds the codes that a pool does not have, behind its last one, in the order given. $1 bucket, $2 subject, $3 codes.
select reward_code_add($1, $2, $3)
