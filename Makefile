# Two commands on a fresh machine: `make run` and `make test`. Everything lives in .venv; nothing else is touched
# but, on a Debian machine and as root, the system libraries that Qt needs and can't find (NO_APT=1 forbids it).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
QT := QT_QPA_PLATFORM=offscreen

.PHONY: run test lint format types contracts check screenshots sample bench libraries clean

run: $(READY) libraries
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY$$QT_QPA_PLATFORM" ] || [ "$$(uname)" != Linux ]; then \
		$(BIN)/nasstudio --sample; \
	else \
		echo "No display here: running the same road in the terminal (nasstudio demo)."; \
		$(BIN)/nasstudio demo "$$(mktemp -d)/demo"; \
	fi

test: $(READY) libraries
	$(QT) $(BIN)/python -m pytest $(PYTEST)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: $(READY) libraries
	$(QT) $(BIN)/python scripts/screenshots.py docs/images

sample: $(READY)
	$(BIN)/python scripts/make_sample.py

bench: $(READY)
	@for script in benchmarks/*.py; do $(BIN)/python $$script --quick --json || exit 1; done

libraries: $(READY)
	@$(BIN)/python scripts/system_libraries.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[engine,openvino,executorch,dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
