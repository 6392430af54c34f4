"""The processes that read what the worker writes.

alerting/      raises red flags, tells people, exports gauges
portfolio/     money: subscriptions, costs and touchpoints to exact figures
board/         accounts by health, why, and what to do, in a browser and as JSON
intake/        takes events by HTTP and writes them onto Kafka
event_tail     what arrives on the input topics, event by event
account_url    an account's id as one part of an address
account_updates  what people set of an account by hand, onto the account feed
scorecard_reviews  who had an account's scorecard looked at, and what they said of it
confirmed_sender  records that people cause, each confirmed by Kafka
worker_presence  whether a worker runs, so that calm is not taken for health
kafka_client   how to connect to Kafka, and to read a topic whole
async_kafka    the same by aiokafka, for the intake and the portfolio
redis_client   how to connect to Redis
web_server     an HTTP server with limits, for what is reached from outside
trace_context  the trace that a request belongs to, for the histograms of answers
csv_cells      cells of a CSV that a spreadsheet can't take for formulas
errors         what the consumers raise, and which errors of others mean: try again
"""
