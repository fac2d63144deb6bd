"""Delivers changes to subscribers by WebSub, webhooks and mail. It calls other hosts only through `outbound`."""
