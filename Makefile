# Everything here runs in .venv, which the first target that needs it makes: python3 is all you need.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# more for the tool a target runs: make test ARGS='-k naming'
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help demo try test fuzz test-cluster lint bench docs check clean

help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## render the example chart for two meshes with a real helm, and show what differs
	@$(BIN)/python tools/demo.py $(ARGS)

try: $(READY) ## hold a chart of yours against the laws: make try CHART=<folder or archive> [ISTIO=1.30] [VALUES=<file>]
	@$(BIN)/python tools/try.py --chart='$(CHART)' --istio='$(ISTIO)' --values='$(VALUES)' --release='$(RELEASE)'

test: $(READY) ## run the tests
	$(BIN)/python -m pytest $(ARGS)

fuzz: $(READY) ## hold generated streams against Helm: make fuzz SECONDS=600 [SEED=7]
	@$(BIN)/python tools/fuzz.py --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(ARGS)

test-cluster: $(READY) ## install two meshes on a real API server, which Go builds once (minutes)
	@$(BIN)/python tests/cluster/binaries.py || test -z "$$MULTIMESH_REQUIRE_CLUSTER"
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; trap 'exit 130' INT TERM; \
	  $(BIN)/python -m pytest -m cluster -n 2 --dist loadscope --basetemp="$$folder/run" tests/cluster $(ARGS)

lint: $(READY) ## ruff check, ruff format --check, mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict multimesh

bench: $(READY) ## measure start-up, speed and memory against other ways to do it
	$(BIN)/python tools/bench.py $(ARGS)

docs: $(READY) ## write the parts of the documentation that the code says already
	$(BIN)/python tools/docs.py $(ARGS)

check: lint test ## lint and test: what a change must pass

clean: ## remove what make has made here; the cache of helm stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "multimesh: $(PYTHON) is missing or older than Python 3.10"; \
	  echo "  Install a newer one and say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "multimesh: $(PYTHON) cannot make a virtual environment: it comes without ensurepip"; \
	  echo "  On Debian and Ubuntu: sudo apt-get install python3-venv (or python$$version-venv)."; exit 2; } >&2
	@echo "preparing $(VENV) (once, and after pyproject.toml changes)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[dev]'
	@touch $@
