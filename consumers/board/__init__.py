"""The board: accounts by health, why, and what to do, for people in a browser and for programs as JSON.

The modules in the order a record meets them:

- `settings`   what an operator may set, and who may reach it
- `feed`       the thread that reads every topic into memory
- `portfolio`  every account as one short row, and where on Kafka the rest lies
- `alert_log`, `letters`   alerts and silences from the audit log; the newest dead letters
- `reader`     one record by its offset: a whole report or state, when somebody looks
- `details`    people, features, tickets and answers, from a state
- `knowledge`  all of that together
- `live`       tells open pages what has changed
- `pipeline`   how far behind the processes are
- `access`, `guard`   who may see and act; what every request passes and every answer carries
- `orders`     what people tell alerting, as commands, and what came of them
- `asked`, `pages`, `acts`, `api`, `api_alerts`   the routes, for people and for programs
- `reading`, `svg`   how the pages say things, and their small charts
- `metrics`    every Prometheus metric of the board
- `context`    what the routes work with, and how a page is made of it
- `app`, `process`   the application, and the process around it

Templates are in `templates/`, style, scripts and the two vendored libraries in `static/`.
"""
