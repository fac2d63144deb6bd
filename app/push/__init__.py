"""What the server sends to others: deliveries to callbacks and webhooks."""
