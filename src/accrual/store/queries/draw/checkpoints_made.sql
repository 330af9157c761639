-- Whether the installation signs checkpoints, so that one of them can decide a raffle.
select exists (select from checkpoint)
