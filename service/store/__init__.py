"""What outlives the process: one database, its tables and their migrations.  Nothing here knows what is stored."""
