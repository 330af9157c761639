-- How many replication slots and prepared transactions may keep old row versions alive.
select (select count(*) from pg_replication_slots where xmin is not null or catalog_xmin is not null)
       + (select count(*) from pg_prepared_xacts)
