-- Which data directory the server that answered us serves, as the last proof that it is ours.
SELECT current_setting('data_directory') AS data_directory
