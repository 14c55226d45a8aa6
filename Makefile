# Everything runs in .venv, which the first target that needs it creates. You need python3 and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# more arguments for the program that a target runs: make test ARGS='-k naming'
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help demo writable try test fuzz test-cluster lint bench mutants docs package site browser sbom check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: writable $(READY) ## render the example chart for two meshes with a real Helm, and show the differences
	@$(BIN)/python tools/demo.py $(ARGS)

try: $(READY) ## check a chart of yours against the laws: make try CHART=<directory or archive> [ISTIO=1.30] [VALUES=<file>]
	@$(BIN)/python tools/try.py --chart='$(CHART)' --istio='$(ISTIO)' --values='$(VALUES)' --release='$(RELEASE)'

test: $(READY) ## run the tests
	$(BIN)/python -m pytest $(ARGS)

fuzz: $(READY) ## compare generated streams with what Helm reads: make fuzz SECONDS=600 [SEED=7]
	@$(BIN)/python tools/fuzz.py --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(ARGS)

test-cluster: $(READY) ## install two meshes on a real API server, which Go builds once (takes minutes)
	@$(BIN)/python tests/cluster/binaries.py || test -z "$$MULTIMESH_REQUIRE_CLUSTER"
	@directory=$$(mktemp -d); trap 'rm -rf "$$directory"' EXIT; trap 'exit 130' INT TERM; \
	  $(BIN)/python -m pytest -m cluster -n 2 --dist loadscope --basetemp="$$directory/run" tests/cluster $(ARGS)

lint: $(READY) ## check style, types, the layers of imports, and the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict multimesh
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/workflows.py

bench: $(READY) ## measure start-up, speed and memory, and compare with other programs
	$(BIN)/python tools/bench.py $(ARGS)

mutants: $(READY) ## count how many mistakes the tests notice (half an hour): make mutants [SEED=1] [COUNT=500]
	@$(BIN)/python -c 'import cosmic_ray' 2>/dev/null || \
	  $(BIN)/python -m pip install --disable-pip-version-check --editable '.[mutants]'
	$(BIN)/python tools/mutants.py --seed=$(or $(SEED),1) --count=$(or $(COUNT),500) $(ARGS)

docs: $(READY) ## write the documentation that is generated from the code
	$(BIN)/python tools/docs.py $(ARGS)

package: $(READY) ## write the archives of a release into dist/: make package [KEY=<file of a secret OpenPGP key>]
	@$(BIN)/python tools/package.py $(if $(KEY),--key='$(KEY)') $(ARGS)

site: $(READY) ## build the documentation as a site into build/site, with every link checked
	@$(BIN)/python -c 'import material' 2>/dev/null || \
	  $(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --clean $(ARGS)

sbom: $(READY) ## write the software bill of materials of the wheel in dist/
	@$(BIN)/python -c 'import cyclonedx_py' 2>/dev/null || \
	  $(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[sbom]'
	@$(BIN)/python tools/sbom.py

browser: $(READY) ## install what the tests of HTML pages need: Chromium, playwright, axe-core
	@$(BIN)/python tools/browser.py --install

check: lint test ## run lint and test, which every change must pass

clean: ## remove generated files, except the cached Helm
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "multimesh: $(PYTHON) is missing or older than Python 3.10"; \
	  echo "  Install a newer one and name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "multimesh: $(PYTHON) cannot make a virtual environment: ensurepip is missing"; \
	  echo "  On Debian and Ubuntu: sudo apt-get install python3-venv (or python$$version-venv)."; exit 2; } >&2
	@echo "preparing $(VENV) (once, and after pyproject.toml changes): it takes a minute or two"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]' || { \
	  echo "multimesh: pip could not install what the project needs into $(VENV)"; \
	  echo "  Connect to a package index, or name one that is reachable: make PIP_INDEX_URL=https://... $(MAKECMDGOALS)"; \
	  exit 2; } >&2
	@touch $@

# Before minutes of installing. An old Python is reported by the target after it.
writable:
	@! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || $(PYTHON) tools/helm.py --writable
