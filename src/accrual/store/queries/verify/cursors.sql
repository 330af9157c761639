-- How far all lanes are together; it rises with each command decided.
select coalesce(sum(cursor), 0) from lane
