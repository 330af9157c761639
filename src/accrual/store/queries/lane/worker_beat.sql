-- Shows that this lane process is alive, with its report; no row means that it was given up for dead.
update worker set beat = beat + 1, report = $2::jsonb where worker_id = $1::uuid returning beat
