"""The domain of alerting: which accounts deserve a red flag, when it is over, and what to say.

Pure: no Kafka, no Redis, no clock of its own; whoever calls passes `now`. The modules in the order a report meets them:

    config     the YAML file that says what is alerted, and how (located: where in it a mistake is)
    receiver_settings, route_settings  its sections of who may be told, and of who is
    rules/     does this report break a rule, is the trouble over, or is it too early to say: a Verdict with its reason
    lifecycle  what a verdict does to one alert: opened, reopened, updated, resolved, or nothing
    telling    what people should hear of it now, and what holds that back
    trouble    the pipeline broken, and not the customers quiet: what the reports say of the data behind them
    trouble_notice  what operators are told of that
    schedule   quiet hours and working days, where the owner lives
    followup   days later: did the account recover, and has it lasted
    judge      one account: every rule in turn, and what the rules owe each other
    applying   what a command does to an account's alerts
    policy     the settings of the lifecycle, and what surrounds an account when it is judged
    playbooks  what to try next, first what answers the measures that moved
    wording    measures, numbers and durations in words
    report_words  the parts of a report in words: a change, a veto, what was set by hand
    messages   the Slack message of a transition: first line (headlines), what is behind it (facts), shape (blocks)
    plain      the same for those who have no Slack: as text, and as HTML
    storm      when many messages at once become one
    digest     that one message
    silences   for whom nothing is told for a while
    commands   what people tell alerting: acknowledge, snooze, resolve, verdict, start a play, silence
    steps      the audit log: every step of every alert
    notice     what a receiver is told of one step, before it takes the receiver's own shape
    routing    who is told, and why
    model      the nouns that all of them share
"""
