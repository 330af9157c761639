-- Adds a signed checkpoint; one of the same number is there once. $1 number, $2 time, $3 signature, $4 line.
insert into checkpoint (number, recorded_at, signature, line) values ($1, $2, $3, $4)
