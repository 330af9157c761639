-- Records one migration as applied, in its own transaction.
insert into migration (name, digest, applied_at) values ($1, $2, $3)
