-- Publishes the secret of a closed round: who may close rounds may read a secret in no other way.
select draw_publish($1, $2)
