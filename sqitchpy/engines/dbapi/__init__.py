"""What engines share whose driver is a DB-API 2.0 module: flows, registry, progress. Each brings its dialect."""
