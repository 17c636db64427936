# make demo    one play on this host, under the stock strategy and under ours
# make test    lint and all tests; CORE=2.18 takes that ansible-core, PYTHON=... that Python
# make types   mypy
# make clean   remove what the above made

.PHONY: help demo test types clean
.DEFAULT_GOAL := help

# scripts/venv reads it; the tests' environment is one for each ansible-core.
export PYTHON ?= python3
TEST := .venv/test$(CORE:%=-%)

help:
	@sed -n 's/^# make/make/p' Makefile

demo: .venv/demo/ready
	.venv/demo/bin/python examples/demo.py

test: $(TEST)/ready
	scripts/test-tools
	$(TEST)/bin/ruff check .
	$(TEST)/bin/python -m pytest tests

types: $(TEST)/ready
	$(TEST)/bin/mypy

# As a user would install it; editable, so that the demo never shows an older copy.
.venv/demo/ready: setup.cfg pyproject.toml scripts/venv
	scripts/venv .venv/demo ansible-core --editable .
	@touch $@

# The checkout itself is not installed: the tests run what is in the tree (setup.cfg: pythonpath).
$(TEST)/ready: setup.cfg pyproject.toml scripts/venv
	scripts/venv $(TEST) 'ansible-core$(CORE:%===%.*)' pytest pytest-timeout hypothesis ruff mypy
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
