-- What a measurement has to say about its server: version and durability.
select current_setting('server_version') as server_version,
    current_setting('synchronous_commit') as synchronous_commit,
    current_setting('fsync') as fsync
