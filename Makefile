# Everything starts from Python and make alone: each target sets up what it needs, once.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WORKERS ?= 2
SECONDS ?= 30

.PHONY: demo test test-all lowest lint format docs dist sbom bench bench-peers truth fuzz clean

demo: $(VENV)/.installed          ## the fraud example: four configurations, a table with error bars, a report
	$(BIN)/goodfit demo --out demo-run

test: $(VENV)/.installed $(VENV)/.programs   ## all tests but the slow ones
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) -m "not slow"

test-all: $(VENV)/.installed $(VENV)/.programs   ## every test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS)

lint: $(VENV)/.installed          ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.installed          ## the documentation as a site that needs no network, in site/; it runs the tour
	PYTHONPATH=tools $(BIN)/python -m docs_site

lowest: $(VENV)/.installed        ## the core's tests with the oldest versions of what goodfit needs that it promises to work with
	$(PYTHON) -m venv --clear $(VENV)-lowest
	PYTHONPATH=tools $(BIN)/python -m release.lowest pyproject.toml $(LOWEST) > $(VENV)-lowest/lowest.txt
	$(VENV)-lowest/bin/python -m pip install --quiet -c $(VENV)-lowest/lowest.txt ".[image,audio]" pytest hypothesis pandas
	$(VENV)-lowest/bin/python -m pytest -q -m "not slow" -W default $$(PYTHONPATH=tools $(BIN)/python -c \
	  "from release.lowest import CORE; print(*CORE)")

dist: $(VENV)/.installed          ## wheel and source archive, in dist/; the same bytes whenever made from a commit
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build

sbom: $(VENV)/.installed          ## what goodfit[all] brings, with licences: a bill of materials, in dist/
	mkdir -p dist
	PYTHONPATH=tools $(BIN)/python -m release.sbom dist/goodfit.cdx.json

format: $(VENV)/.installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed         ## benchmarks, rivals in the same run
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[bench]"
	$(BIN)/python benchmarks/population.py
	$(BIN)/python benchmarks/commands.py
	$(BIN)/python benchmarks/bias_variance.py
	$(BIN)/python benchmarks/kinds.py

bench-peers: $(VENV)/.installed   ## goodfit beside boosting, tuned boosting and networks: hours; goes on where it stopped
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[peers]"
	$(BIN)/python benchmarks/peers.py $(PEERS)

truth: $(VENV)/.installed         ## how often verdicts and intervals are right: an hour or two
	$(BIN)/python benchmarks/truth.py
	$(BIN)/python benchmarks/truth_intervals.py
	$(BIN)/python benchmarks/truth_defects.py
	$(BIN)/python benchmarks/truth_logs.py
	$(BIN)/python benchmarks/truth_selection.py
	$(BIN)/python benchmarks/truth_stopping.py
	$(BIN)/python benchmarks/truth_search.py

fuzz: $(VENV)/.installed          ## bytes of any kind for what reads files and recipes, SECONDS for each target
	PYTHONPATH=tools $(BIN)/python -m fuzz --seconds $(SECONDS)

$(VENV)/.installed: pyproject.toml constraints.txt CMakeLists.txt $(wildcard src/native/*)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

# The report's tests open it in headless Chromium, those of back-translation ask Apertium, those of a search's store start a
# PostgreSQL server; where these can't be installed they say so and are skipped.
$(VENV)/.programs: $(VENV)/.installed
	command -v chromium >/dev/null && command -v chromedriver >/dev/null && command -v apertium >/dev/null \
	  || { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq \
	       && apt-get install -y -qq --no-install-recommends chromium chromium-driver apertium apertium-eng-spa; } \
	  || echo "no Chromium or no Apertium here: their tests will be skipped"
	command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
	  || { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq \
	       && apt-get install -y -qq --no-install-recommends postgresql; } \
	  || echo "no PostgreSQL server here: its tests will be skipped"
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-lowest dist demo-run site .pytest_cache .mypy_cache .ruff_cache
