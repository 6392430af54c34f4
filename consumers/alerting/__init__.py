"""Alerting: reads `account-health`, raises red flags, tells people, and exports the gauges.

The modules in the order a report meets them:

    settings         what an operator may set
    group_consumer   the consumer of reports and commands
    loop             poll, hand over, commit; nothing is skipped when the store is away
    stall_watchdog   ends a run that has stopped moving
    liveness         whether the loop lives and does its part, for those who ask from outside
    alerting_handler what the loop hands records to
    batch            records decoded and evaluated, purely
    pipeline_health  health of the pipeline, over all partitions and processes
    store_clock      the time by which all of it goes: the machine's, as far as Redis' bears it out
    state            Redis: what is remembered of each account, and the one transaction that every batch makes
    audit_log        Redis and Kafka: steps on their way to the audit log
    unreadable       what in Redis can't be read, set aside
    erasure          what waits of an erased account, and its steps in the log
    rebuild_state    what is remembered, made again from the audit log after Redis was lost
    recipients       who is notified of a change
    digest_queue     Redis: what the next daily digest of each owner is to tell
    daily_digests    writes each owner's daily digest at their hour
    current_message  a message as it is true when it leaves the outbox
    outbox           Redis: messages that must still be delivered, a queue for each receiver
    outbox_queue     one receiver's queue: leased to one sender at a time
    lease_renewal    keeps what is being sent leased
    receivers        where alerts are told: one module a kind of receiver
    sender           the thread that empties one receiver's queue
    notification_traces  a trace of each notification, from the event behind it to the receiver's answer
    projection       the accounts in memory, as the gauges see them
    totals           what the accounts of a segment add up to
    account_gauges   measures and drivers of the few accounts that have series of their own
    metrics          every metric of the process
    command_sender   sends what people tell alerting
    process          wires them into one process
"""
