# make demo         one play on this host, under the stock strategy and under econtext
# make test         lint, types and tests of each kind: minutes, if stock Ansible's side is kept of
#                   another run; CORE=2.18 takes that ansible-core, PYTHON=... that Python, and
#                   ECONTEXT_TEST_ALL=1 all tests of each kind
# make types        mypy
# make matrix       tests/integration over releases of ansible-core and Python, and tests/unit and
#                   tests/process, with those that are here; SESSION="integration(2.16)" takes one ansible-core, ON=3.12 one Python,
#                   ARGUMENTS=... are pytest's
# make targets      modules of each kind on targets with each Python that is here; CORE=2.18 takes
#                   that ansible-core, TARGETS=3.8,3.9 these Pythons
# make old-targets  the same with Python 2.7 and 3.6, under the oldest ansible-core
# make fuzz         change inputs of the protocol's code at random for TIME=60 seconds, or until
#                   FRAMES=... went in; the properties are in tests/fuzz/
# make faults       faults at each stage of a run, all cells of tests/faults; `make test` has some
# make masked       conformance, and a tenth of the parity cases, without what is Linux's own: with
#                   each mask of tests/support/mask.py on both sides; MASK=proc takes one, MASK=all all
# make clean        remove what the above made

.PHONY: help demo test test-oldest types matrix targets old-targets faults masked fuzz clean
.DEFAULT_GOAL := help

# scripts/venv reads it; the tests' environment is one for each ansible-core.
export PYTHON ?= python3
TEST := .venv/test$(CORE:%=-%)
# The oldest ansible-core that this is for.
OLDEST := 2.16

help:
	@sed -n '/^# make/,/^$$/s/^# //p' Makefile

demo: .venv/demo/ready
	.venv/demo/bin/python examples/demo.py

test: $(TEST)/ready
	scripts/test-tools
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy
	$(TEST)/bin/python -m pytest $(TWO) --durations=25 tests
	$(if $(CORE),,$(MAKE) --no-print-directory test-oldest)

# Two processes, which take the tests as they come (tests/conftest.py).
TWO := -n 2

# With the oldest ansible-core what depends on it most; `make matrix` runs the rest.
OLDEST_AREAS := polled or status or become or collections or interpreter or (modules and ssh) \
    or superuser or nothing_lives_on

test-oldest:
	scripts/oldest $(OLDEST) $(TWO) tests/integration/test_parity.py \
	    tests/integration/test_connections.py -k '$(OLDEST_AREAS)'

targets: $(TEST)/ready
	scripts/test-tools
	ECONTEXT_TEST_TARGETS=$(or $(TARGETS),all) \
	    $(TEST)/bin/python -m pytest tests/integration/test_targets.py

old-targets:
	scripts/test-tools
	ECONTEXT_TEST_TARGETS=2.7,3.6 scripts/oldest $(OLDEST) tests/integration/test_targets.py

faults: $(TEST)/ready
	scripts/test-tools
	ECONTEXT_TEST_ALL=1 $(TEST)/bin/python -m pytest $(TWO) --durations=10 tests/faults

masked: $(TEST)/ready
	scripts/test-tools
	$(TEST)/bin/python scripts/masked $(MASK)

matrix: .venv/matrix/ready
	scripts/test-tools
	.venv/matrix/bin/nox $(if $(SESSION),-s "$(SESSION)") $(if $(ON),-p $(ON)) $(if $(ARGUMENTS),-- $(ARGUMENTS))

types: $(TEST)/ready
	$(TEST)/bin/mypy

fuzz: $(TEST)/ready
	TEST=$(TEST) scripts/fuzz $(if $(FRAMES),--frames $(FRAMES),--time $(or $(TIME),60))

# As a user would install it; editable, so that the demo never shows an older copy.
.venv/demo/ready: setup.cfg pyproject.toml scripts/venv
	scripts/venv .venv/demo ansible-core --editable .
	@touch $@

# The checkout itself is not installed: the tests run what is in the tree (setup.cfg: pythonpath).
$(TEST)/ready: setup.cfg pyproject.toml scripts/venv
	scripts/venv $(TEST) 'ansible-core$(CORE:%===%.*)' pytest pytest-timeout pytest-xdist hypothesis ruff mypy
	@touch $@

.venv/matrix/ready: scripts/venv
	scripts/venv .venv/matrix nox
	@touch $@

clean:
	rm -rf .venv .nox build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
