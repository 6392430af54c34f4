"""The processes of an installation, as a command sees them.

- `child_process`  worker, alerting and board as child processes: started, watched, stopped
- `running_installation`  which installation runs here: other commands find it
- `scrape`         what a process says of itself on its metrics page
"""
