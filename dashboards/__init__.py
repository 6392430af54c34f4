"""The Grafana dashboards as code: `make dashboards` writes the JSON files beside this one, which Grafana provisions.

style       what all panels share: data source, colours, queries, the kinds of panel
portfolio   which accounts are in trouble, how the whole portfolio moves
account     one account: its score, what drives it, its users, tickets and answers
operations  whether Heartline itself is well: throughput, latency, lag, recovery, dead letters, outbox
write       writes or checks the files
"""
