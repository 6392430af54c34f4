"""Files of events onto Kafka, as fast as it goes or at the events' own pace.

In the order a line meets them:

- `lines`   a line to a record (topic, key, moment) or to the reason why not; several files into one stream, by time
- `order`   which files are not in the order of time, and their lines sorted
- `pace`    when a record is due
- `sender`  records into batches, batches to Kafka, every delivery confirmed
- `run`     all of it, and what is known at the end
"""
