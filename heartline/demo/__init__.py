"""The demo: everything at work on this machine, for about a minute, on a company that does not exist.

- `stage`   the servers, the three processes and the Slack stand-in, and their end
- `play`    the synthetic company's events, its quiet past at once, its stories at their pace
- `watch`   what comes out: reports from Kafka, messages at the stand-in, numbers from the metrics pages
- `view`    all of that as one picture
- `display` on a live screen; or as plain lines where nobody watches
- `slack_standin` an HTTP server that answers as Slack does
- `run`     the demo from start to summary
"""
