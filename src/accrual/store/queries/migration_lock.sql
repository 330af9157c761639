-- Lets one process at a time migrate; readers of the list are not held up.
lock table migration in share row exclusive mode
