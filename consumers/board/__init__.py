"""The board: accounts by health, why, and what to do, for people in a browser and for programs as JSON.

The modules in the order a record meets them:

- `settings`            what an operator may set, and who may reach it
- `topic_reader`        the thread that reads every topic into memory
- `account_index`       every account as one short row, and where on Kafka the rest lies
- `alert_log`           alerts and silences, as the log of alerts tells them
- `current_alerts`      open alerts in the words of now, and what to try
- `dead_letter_view`    the newest dead letters, as people read them
- `record_lookup`       one record by its offset: a whole report or state, when somebody looks
- `account_details`     people, features, tickets and answers, from a state
- `milestone_vector`    the chart of an account's way from milestone to milestone
- `use_level`           what an account's use is compared with, as the chart of its users draws it
- `read_model`          all of that together
- `live_updates`        tells open pages what has changed
- `recent_events`       the last events of each source, while somebody looks
- `pipeline_status`     how far behind the processes are
- `access_control`      who may see and act
- `login_limiter`       slows whoever guesses tokens
- `server_secrets`      the token and the cookies' key, generated where nobody has set them
- `request_guard`       what every request passes, and every answer carries
- `command_service`     what people tell alerting, as commands, and what came of them
- `inbox`               which open alerts a query leaves, in the order in which to look at them
- `query_params`        what a request asks for
- `pages`, `forms`      the routes for people
- `review_routes`       reviews of scorecards, handed in and decided
- `review_notices`      tells receivers of them
- `api_accounts`, `api_alerts`   the routes for programs
- `template_filters`, `svg`      how the pages say things, and their small charts
- `metrics`             every Prometheus metric of the board
- `board_context`       what the routes work with, and how a page is made of it
- `app`, `process`      the application, and the process around it

Templates are in `templates/`, style, scripts and the two vendored libraries in `static/`.
"""
