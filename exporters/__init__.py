"""WHO IS TOLD: text for Prometheus, its service discovery, and Icinga."""
