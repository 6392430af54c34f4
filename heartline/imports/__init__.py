"""Other tools' exports as Heartline's events: `heartline import`.

- `tables`    a file's records, whatever it is: CSV, JSON lines, one JSON document; plain, gzip, Zstandard
- `sources`   what each tool's records become, as tables
- `columns`   a table of one's own: which column is which field
- `run`       all of it, and what became of what
"""
