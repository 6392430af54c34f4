"""The domain of alerting: which accounts deserve a red flag, when it is over, and what to say.

Pure: no Kafka, no Redis, no clock of its own; whoever calls passes `now`. The modules in the order a report meets them:

    config       the YAML file that says what is alerted, and how
    receiver_settings, route_settings  its sections of who may be notified, and of who is
    money        how amounts of several currencies stand to one bound
    account_facts  one account as of a moment: its report, and what time has made of it since
    rules/       does an account break a rule, is it kept again, or is it too early to say
    signals      what a rule's result does to its signal: fires, gets worse, is resolved
    red_flag     the account's one open episode, which gathers its signals
    page_budget  how often one account may be a page
    notify_policy  what people are notified of now, and what suppresses that
    evaluation   one account: all of that in turn
    daily_digest what an owner's digest is to tell: worse, due, better, good news
    context      the settings of the lifecycle, and what decides beside the account itself
    quiet_hours  quiet hours and working days, where the owner lives
    silences     for whom nothing is told for a while
    pipeline_incident  the pipeline broken, and not the customers quiet
    follow_up    days later: did the account recover, and has it lasted
    apply_command  what a command does to an account's red flag
    commands     what people tell alerting: acknowledge, snooze, resolve, verdict, start a play, silence
    playbooks    what to try next, first what answers the measures that moved
    text         measures, numbers, durations and customers' text in words
    messages/    what people read: headline, evidence, next step, digests
    digest_policy  when many messages at once become one
    alert_events   the audit log: every change of every red flag
    notification what a receiver is told, before it takes the receiver's own shape
    routing      who is notified, and why
    model        the nouns that all of them share
"""
