"""A release comes in: parse, normalize, store, receipt. It does not read requests; `web/routes` hands it bytes."""
