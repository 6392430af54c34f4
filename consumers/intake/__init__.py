"""The intake: events that come by HTTP, onto Kafka. An answer of 202 means that Kafka has them.

In the order a request meets them:

    settings     what an operator may set
    app          the addresses, and who is let in
    body         a body as JSON, within bounds
    signatures   whether a webhook is its vendor's
    rate         how many events a sender may send
    segment      Segment's calls as events
    vendors      each vendor's webhooks as events
    mapping      the tables by which that goes
    memberships  which account a user belongs to
    acceptance   whether an event is as its contract says, and the answer
    writer       onto Kafka, many requests at once
    metrics      every metric of the process
    process      wires them into one process
"""
