# Everything runs in .venv, which is renewed when pyproject.toml changes.
PY := .venv/bin/python
RUN := .venv/.run
DEV := .venv/.dev
BENCH := .venv/.bench
# Tests wait for brokers more than they compute: two at a time suit two cores.
JOBS := 2

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(RUN) ## the tour: memory, or a broker by URL=redis://…
	$(PY) -m examples.demo $(URL)

test: $(DEV) ## all tests on all brokers, which it brings itself; ARGS="-k word"
	$(PY) -m tests.brokers setup
	$(PY) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

soak: $(DEV) ## the tests that take many minutes: groups under fire, hours of virtual time
	$(PY) -m tests.brokers setup
	$(PY) -m pytest -m soak --timeout 3600 $(ARGS)

lint: $(DEV) ## style, format, types, import contracts
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: $(BENCH) ## compare with the peers; ARGS="…"
	$(PY) -m tests.brokers setup
	$(PY) -m benchmarks $(ARGS)

redis: $(RUN) ## a local Redis to play with, until Ctrl-C
	@$(PY) -m tests.brokers redis

kafka: $(RUN) ## a local Kafka to play with, until Ctrl-C
	@$(PY) -m tests.brokers kafka

clean: ## remove what make made
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	python3 -m venv .venv

$(RUN): pyproject.toml | $(PY)
	$(PY) -m pip install -q -e .
	@touch $@

$(DEV): pyproject.toml | $(PY)
	$(PY) -m pip install -q -e '.[testing,dev]'
	@touch $(RUN) $@

$(BENCH): pyproject.toml | $(PY)
	$(PY) -m pip install -q -e '.[testing,dev,bench]'
	@touch $(RUN) $(DEV) $@

.PHONY: help demo test soak lint bench redis kafka clean
