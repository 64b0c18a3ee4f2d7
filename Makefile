# make demo   draws parts, trains, writes heatmaps        make test       fast tests
# make run    starts flawscope                            make test-slow  the long ones
# make lint   style, types, contracts                     make bench      figures, as ratios
# make clean  removes .venv and what was built     make sample     trains and packs the example project anew
# make pictures OUT=build/pictures     every page and dialog in every state, dark and light
SHELL := bash
PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13,$(shell command -v python$(v) 2>/dev/null)) python3)
BIN := .venv/bin
READY := .venv/.ready

OUT ?= build/pictures

.PHONY: demo run test test-slow lint bench clean setup sample pictures
.DELETE_ON_ERROR:

setup: $(READY)

$(READY): pyproject.toml packaging/debian-packages.txt
	@bash packaging/system-libraries.sh
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed; this one is {v[0]}.{v[1]}. Name another: make PYTHON=/path/to/python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[train,dev]"
	@touch $@

demo: $(READY)
	$(BIN)/flawscope demo demo

run: $(READY)
	$(BIN)/flawscope

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy core app
	$(BIN)/lint-imports

sample: $(READY)
	$(BIN)/python packaging/make_sample.py resources/samples/flip_chip.flawpack

pictures: $(READY)
	$(BIN)/python packaging/take_pictures.py "$(OUT)"

bench: $(READY)
	$(BIN)/python -m pytest tests/benchmarks -m "slow or not slow" -s -p no:cacheprovider

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
