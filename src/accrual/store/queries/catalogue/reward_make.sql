-- Makes a reward with the programme's next number; what is said of it stands in the revision.
insert into reward (programme_id, reward_id, code)
select $1, coalesce(max(reward_id), 0) + 1, $2 from reward where programme_id = $1
on conflict (programme_id, code) do nothing
