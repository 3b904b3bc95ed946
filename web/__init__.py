"""WHERE THEY ASK: every route, and who may ask."""
