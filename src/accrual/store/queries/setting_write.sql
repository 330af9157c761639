-- Writes one setting of the database itself; the owner role only.
insert into setting (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value
