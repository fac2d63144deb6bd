"""Takes releases in: parse, normalize, store, receipt. It does not read requests; `web/routes` passes it bytes."""
