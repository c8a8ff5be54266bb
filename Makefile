# Every target makes .venv first if it is not there, from pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install install-locked audit tables test soak lint clean lock wheel docs figures \
	regression regression-site

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

# The main job: train, count and time every baseline on the embedded tasks, then print the tables.
# It makes its own results; `make tables OUT=results` renews the committed ones.
OUT ?= local-results
tables: $(STAMP)
	$(BIN)/liafbench run quick --out $(OUT) --jobs 2

# The README's figure, in both themes, from the committed run files.
FIGURE := $(BIN)/liafbench figure results/quick --select digits-dvs
figures: $(STAMP)
	$(FIGURE) -o docs/figures/digits-dvs.svg
	$(FIGURE) -o docs/figures/digits-dvs-dark.svg --theme dark

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Side by side on the cores at hand; a few workers, since tests start processes of their own.
test: lint
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

soak: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,ray]'
	$(BIN)/python -m pytest -m soak

# This commit against its parent; `make regression QUICK=--quick`: each benchmark once.
QUICK ?=
regression: $(STAMP)
	$(BIN)/python -m studies.regression $(QUICK)

regression-site: $(STAMP)
	$(BIN)/python -m studies.regression --site

docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/pdoc liafbench.baselines liafbench.bench -o site

wheel: $(STAMP)
	$(BIN)/python -m build --wheel

# Torch's build depends on the machine: it and what only it brings stay out of the hashed lock.
APART := torch cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti \
	nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile \
	nvidia-curand nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 \
	nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx
COMPILE := $(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
	--no-header --no-annotate

lock: $(STAMP)
	$(BIN)/python -m pip install --quiet uv
	printf 'torch==2.13.0\n' | $(COMPILE) --constraint - --output-file constraints.txt
	sed -i -e '1i # Exact pins of everything `make install` brings in, for Python 3.11 and later.' \
		-e '1i # Made by `make lock`; torch stays at the version the results were measured with.' \
		constraints.txt
	$(COMPILE) --constraint constraints.txt --generate-hashes \
		$(addprefix --no-emit-package ,$(APART)) --output-file requirements.lock

# Instead of `install`: everything but torch is checked against the hashes of requirements.lock.
install-locked:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $(STAMP)

audit: $(STAMP)
	.ci/audit $(BIN)/python

clean:
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .asv
