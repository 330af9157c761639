-- Reads one setting of the database itself.
select value from setting where name = $1
