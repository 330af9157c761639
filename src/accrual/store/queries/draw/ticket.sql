-- The ticket of a command by its place.
select ticket from command where bucket = $1 and position = $2
