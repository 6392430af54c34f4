"""Money and the portfolio: subscriptions, costs and touchpoints to exact figures, each with the accounts behind it.

In the order a record meets them:

- `entries`               what is read out of a record
- `alias_links`           ids that other tools have for an account
- `money`                 integer minor units, annual recurring revenue, exchange rates
- `days`                  the company's days and periods
- `subscription_history`  a subscription's changes to intervals of revenue, terms, trials and requests
- `account_revenue`       an account's subscriptions together: spells as a customer, movements net by day
- `account_profile`       segment, owner and stage, day by day
- `derivation`            all entries of an account to its derived rows
- `tables`                every table of the store
- `erasure`               what was erased of accounts and their users
- `ledger_record`         a record as it came, and the rows that it makes
- `store`                 the ledger in DuckDB, and what is derived from it
- `facts`                 what each account did in each period, in SQL
- `figures`               every figure, each with one definition
- `query`                 their values, and the accounts behind one of them
- `lifetime`              figures made of others: lifetime value against the cost of acquisition
- `confidence`            intervals of rates
- `renewals`              terms that end soon, and each band's record of renewing
- `restatements`          what came late and changed a period that was over
- `adoption`              how bands fared, which features are used by whom, and launches
- `members`               the accounts behind a row of these, and how each was counted
- `usage_drops`           use that fell and came back, and whether it stayed
- `play_effects`          plays against comparable accounts without them
- `charts`                charts as SVG
- `monthly_summary`       a month for who leads the team, as a message
- `presentation`          figures for people and for programs
- `settings`              the company's rules, and the process
- `ledger_reader`         Kafka's topics into the ledger
- `service`               what answers: as it is known now, or was known then
- `api`, `pages`, `app`   the answers as JSON and in a browser, for who may see the board
- `metrics`               today's figures for Prometheus
- `process`               all of it as one process
"""
