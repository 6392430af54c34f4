"""The programs of the peers: each does the same job, in an environment of its own.

- `meter`            what each counts with
- `job`              the job: decode, fold into the account's state, encode
- `plain_job`        a smaller job, of plain Python
- `faust_stock`      stock Faust
- `quix`, `quix_plain`                                 Quix Streams, with either job
- `bytewax_flow`, `bytewax_batches`, `bytewax_plain`   Bytewax, with either job
- `pathway_flow`     Pathway, with a stateful reducer

The Java ones are in `java/`.
"""
