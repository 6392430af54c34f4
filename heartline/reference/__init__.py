"""Pages of the documentation that are written from the code.

- `metric_list`     every Prometheus metric
- `measure_tables`  every measure
- `settings_page`   every setting
- `figures_page`    every figure of the portfolio
- `kafka_rights`    the rights on Kafka that each process needs
- `json_schemas`    every contract as a JSON Schema
"""
