"""The families of the catalogue, by what they speak of (`docs/metrics.md`)."""
