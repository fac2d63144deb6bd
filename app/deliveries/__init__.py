"""Subscribers hear: WebSub, webhooks and mail. It calls other hosts through `outbound` alone."""
