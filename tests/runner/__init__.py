"""The parts of tests/run: build, collect, execute, and the report that all of them write to."""
