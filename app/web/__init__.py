"""Flask: access, limits, the fast lane, and what routes share. Only here are requests read."""
