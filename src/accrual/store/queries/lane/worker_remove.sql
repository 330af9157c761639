-- Forgets a lane process that owns nothing any more.
-- all buckets: a process may own any of them; asked once, when a process ends
delete from worker w
where w.worker_id = $1::uuid and not exists (select 1 from lane l where l.owner = w.worker_id)
