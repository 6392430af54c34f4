"""The processes of an installation, as a command sees them.

- `child_process`  worker, alerting and board as child processes: started, watched, stopped
- `scrape`         what a process says of itself on its metrics page
"""
