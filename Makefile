# Everything a person types. The first command makes .venv from requirements.lock; `make` alone lists the commands.
# Kept to what GNU make 3.81 knows, which is the one macOS ships.

# Values come from the command line only: assigned here, none leaks in from the environment (WSL exports NAME). One that
# is empty, or of a name that nobody reads, would train on something else than was meant: it ends everything.
variables := NAME DATA ARGS RESUME RUN INPUT TEXT OUTPUT FORMAT INT8 BASELINE MAX_DROP QUICK KILLS FOLDS SEEDS VARIANT RUNS NAMES METRIC SWEEP TRIALS WORKERS STORAGE STUDY STATUS THRESHOLD PORT HOST KEYS URL RELOAD CERT KEY_FILE LOG LOG_CONTENT STEPS MIN_RATE MAX_RATE
$(foreach v,$(variables),$(eval $(v) :=))
given := $(foreach v,$(.VARIABLES),$(if $(findstring command line,$(origin $(v))),$(v)))
$(foreach v,$(filter-out $(variables) python SHELL,$(given)),$(error $(v)= is not known: there are $(variables)))
$(foreach v,$(filter-out ARGS,$(given)),$(if $(strip $(value $(v))),,$(error $(v)= is empty: give it a value, or leave it out)))
$(foreach v,$(filter INT8 BASELINE QUICK RELOAD LOG_CONTENT,$(given)),$(if $(filter-out 1,$($(v))),$(error $(v)=$($(v)) is not 1: say $(v)=1, or leave it out)))

python := .venv/bin/python
experiments = $(filter-out _%,$(basename $(notdir $(wildcard experiments/*.yaml))))
configs = $(if $(RESUME),-c "$(RESUME)/config.yaml" --resume="$(RESUME)",-c experiments/_defaults.yaml -c "experiments/$(NAME).yaml")

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "  make %-14s %s\n", $$1, $$2 }'

list: setup ## List the experiments
	@$(python) cli.py list

runs: setup ## List all runs and studies, newest first [NAME=mnist_mlp] [STATUS=failed] [ARGS="--last=10"]
	@$(python) cli.py runs $(if $(NAME),--name="$(NAME)") $(if $(STATUS),--status="$(STATUS)") $(ARGS)

report: setup ## Write one HTML file about RUN=runs/mnist_mlp/latest, or RUNS="runs/mnist_mlp/*", or STUDY=folder [OUTPUT=x.html]
	@$(python) cli.py report $(if $(RUN),--run="$(RUN)") $(if $(RUNS),--runs="$(RUNS)") $(if $(STUDY),--study="$(STUDY)") $(if $(OUTPUT),--output="$(OUTPUT)") $(ARGS)

dashboard: setup ## Show runs as NAME=overview says, on a page and at W&B: NAME=a dashboard or your YAML [RUNS="runs/mnist_mlp/*"] [OUTPUT=x.html]
	@$(python) cli.py dashboard $(if $(NAME),--name="$(NAME)") $(if $(RUNS),--runs="$(RUNS)") $(if $(OUTPUT),--output="$(OUTPUT)") $(ARGS)

options: need-NAME setup ## Show what can be set in an experiment, its value there and its meaning: NAME=mnist_mlp [ARGS="--all=true"]
	@$(python) cli.py options --name="$(NAME)" $(ARGS)

exp: $(if $(RESUME),,need-NAME) setup ## Train, test, record: NAME=mnist_mlp [DATA=hub or a path] [ARGS="--model.lr=0.01"] [RESUME=run folder] [SEEDS=1..5 [WORKERS=2]] [BASELINE=1: texts beside text_linear]
	@$(python) cli.py run $(configs) $(if $(DATA),--data.source="$(DATA)") $(if $(BASELINE),--baseline=true) \
	    $(if $(SEEDS),--seeds="$(SEEDS)") $(if $(WORKERS),--workers="$(WORKERS)") $(ARGS)

cross-validate: need-NAME setup ## Hold out each part of the data in turn: NAME=digit_angle [DATA=...] [FOLDS=5] [SEEDS=1..3] [WORKERS=2] [ARGS="--trainer.max_epochs=2"]
	@$(python) cli.py cross-validate --name="$(NAME)" $(if $(DATA),--data="$(DATA)") $(if $(FOLDS),--folds="$(FOLDS)") \
	    $(if $(SEEDS),--seeds="$(SEEDS)") $(if $(WORKERS),--workers="$(WORKERS)") $(if $(ARGS),--options="$(ARGS)")

# The shell takes the text from the environment, so that nothing in it is read as a command.
predict: export GIVEN_TEXT := $(value TEXT)
predict: need-RUN $(if $(value TEXT),,need-INPUT) setup ## Classify: RUN=runs/mnist_mlp/latest (or an exported folder) INPUT=file or folder, or TEXT="..." [OUTPUT=x.csv] [THRESHOLD=0.7]
	@$(python) cli.py predict --run="$(RUN)" $(if $(INPUT),--input="$(INPUT)") $(if $(value TEXT),--text="$$GIVEN_TEXT") $(if $(OUTPUT),--output="$(OUTPUT)") \
	    $(if $(THRESHOLD),--threshold="$(THRESHOLD)") $(ARGS)

evaluate: need-RUN need-DATA setup ## Test a trained model on other labelled data, all of it: RUN=runs/mnist_mlp/latest DATA=file or folder [ARGS="--split=test"]
	@$(python) cli.py evaluate --run="$(RUN)" --data="$(DATA)" $(if $(OUTPUT),--output="$(OUTPUT)") $(ARGS)

compress: need-NAME setup ## Make a model smaller in several ways, compare: NAME=cifar_cnn [DATA=...] [RUN=trained run] [MAX_DROP=1.0] [ARGS="--seed=1"]
	@$(python) cli.py compress --name="$(NAME)" $(if $(DATA),--data="$(DATA)") $(if $(RUN),--run="$(RUN)") $(if $(MAX_DROP),--max_drop="$(MAX_DROP)") $(ARGS)

compare: $(if $(NAMES),,need-RUNS) setup ## Which settings are better, and can runs tell: RUNS="runs/a/* runs/b/*" or NAMES="exp_a exp_b" [METRIC=f1] [OUTPUT=x.json or x.svg]
	@$(python) cli.py compare $(if $(RUNS),--runs="$(RUNS)") $(if $(NAMES),--names="$(NAMES)") $(if $(METRIC),--metric="$(METRIC)") $(if $(OUTPUT),--output="$(OUTPUT)") $(ARGS)

export: need-RUN setup ## Write a model of its own and prove it: RUN=runs/mnist_mlp/latest [FORMAT=onnx or torch] [INT8=1] [MAX_DROP=0.5] [OUTPUT=folder]
	@$(python) cli.py export --run="$(RUN)" $(if $(FORMAT),--format="$(FORMAT)") $(if $(INT8),--precision=int8) \
	    $(if $(MAX_DROP),--max_drop="$(MAX_DROP)") $(if $(OUTPUT),--output="$(OUTPUT)") $(if $(DATA),--data="$(DATA)") $(ARGS)

serve: need-RUN setup ## Answer over HTTP, with a page: RUN=runs/mnist_mlp/latest or an exported folder [PORT=8000] [HOST=127.0.0.1] [KEYS=file] [WORKERS=2] [RELOAD=1] [CERT=file KEY_FILE=file] [LOG=folder [LOG_CONTENT=1]]
	@$(python) cli.py serve --run="$(RUN)" $(if $(PORT),--port="$(PORT)") $(if $(HOST),--host="$(HOST)") $(if $(KEYS),--keys="$(KEYS)") \
	    $(if $(WORKERS),--workers="$(WORKERS)") $(if $(RELOAD),--reload=true) \
	    $(if $(CERT),--cert="$(CERT)") $(if $(KEY_FILE),--key_file="$(KEY_FILE)") \
	    $(if $(LOG),--log="$(LOG)") $(if $(LOG_CONTENT),--log_content=true) $(ARGS)

image: need-RUN setup ## Write what a service's container image is built from, and files that run it: RUN=runs/mnist_mlp/latest [OUTPUT=folder] [ARGS="--name=digits"]
	@$(python) cli.py image --run="$(RUN)" $(if $(OUTPUT),--output="$(OUTPUT)") $(ARGS)

load: $(if $(URL),,need-RUN) setup ## See how much a service can do, at rising rates: RUN=runs/mnist_mlp/latest or URL=http://127.0.0.1:8000 [INPUT=photos/] [WORKERS=2] [OUTPUT=x.png]
	@$(python) cli.py load $(if $(RUN),--run="$(RUN)") $(if $(URL),--url="$(URL)") $(if $(INPUT),--input="$(INPUT)") $(if $(WORKERS),--workers="$(WORKERS)") \
	    $(if $(OUTPUT),--output="$(OUTPUT)") $(ARGS)

# In an environment of its own: nothing else needs that package.
verify-manifests: need-RUN setup ## Check the Kubernetes manifests of make image against its schemas: RUN=runs/mnist_mlp/latest
	@.venv/bin/uv tool run --quiet kubernetes-validate==1.37.0 --strict "$(RUN)/image/kubernetes.yaml"

verify-compare: need-RUNS setup ## Compare runs of one setting with each other, a thousand times: RUNS="runs/mnist_mlp/*", ten seeds or more
	@$(python) -m benchmarks.comparisons --runs="$(RUNS)" $(ARGS)

sweep: $(if $(RESUME),,need-NAME need-SWEEP) setup ## Try settings, compare the best: NAME=mnist_mlp SWEEP=experiments/_sweeps/mnist_mlp.yaml TRIALS=20 [WORKERS=2] [STORAGE=postgresql://...] [RESUME=study]
	@$(python) cli.py sweep $(if $(RESUME),--resume="$(RESUME)",--name="$(NAME)" --sweep="$(SWEEP)") $(if $(TRIALS),--trials="$(TRIALS)") \
	    $(if $(WORKERS),--workers="$(WORKERS)") $(if $(STORAGE),--storage="$(STORAGE)") $(if $(DATA),--data="$(DATA)") $(if $(ARGS),--options="$(ARGS)")

tune: need-NAME setup ## Suggest a learning rate and a batch size: NAME=mnist_mlp [DATA=...] [STEPS=100] [MIN_RATE=1e-6 MAX_RATE=10] [ARGS="--model.optimizer=sgd"]
	@$(python) cli.py tune --name="$(NAME)" $(if $(DATA),--data="$(DATA)") $(if $(STEPS),--steps="$(STEPS)") $(if $(MIN_RATE),--min_rate="$(MIN_RATE)") \
	    $(if $(MAX_RATE),--max_rate="$(MAX_RATE)") $(if $(ARGS),--options="$(ARGS)")

verify-resume: need-NAME setup ## Kill a run at random moments, resume it, compare: NAME=mnist_mlp [DATA=...] [KILLS=5] [ARGS="--trainer.max_epochs=2"]
	@$(python) cli.py verify-resume --name="$(NAME)" $(if $(DATA),--data="$(DATA)") $(if $(KILLS),--kills="$(KILLS)") $(if $(ARGS),--options="$(ARGS)")

test: setup ## Run the tests, all but the slow ones [ARGS="tests/callbacks -x"]
	@$(python) -m pytest -m "not slow" -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: setup ## Run the slow tests: those that train until a score is reached
	@$(python) -m pytest -m slow $(ARGS)

bench: setup ## Race the baselines and keep the figures [NAME=mnist_mlp] [DATA=hub or folder of data sets] [QUICK=1: only a look] [ARGS="--repeats=5"]
	@$(python) -m benchmarks $(if $(NAME),--name="$(NAME)") $(if $(DATA),--data="$(DATA)") $(if $(QUICK),--quick=true) $(ARGS)

measure: need-NAME setup ## Measure `make exp` and write it into the pages: NAME=mnist_mlp [DATA=...] [SEEDS=3] [VARIANT="from scratch"] [ARGS=...]
	@$(python) -m benchmarks.measure --name="$(NAME)" $(if $(DATA),--data="$(DATA)") $(if $(SEEDS),--seeds="$(SEEDS)") \
	    $(if $(VARIANT),--variant="$(VARIANT)") $(if $(ARGS),--options="$(ARGS)")

report-picture: need-RUN setup ## Make docs/report.png of a run's page, with Chromium: RUN=runs/mnist_mlp/latest
	@$(python) -m benchmarks.report_picture --run="$(RUN)"

check: setup ## Lint, check the format, check the types
	@$(python) -m ruff check .
	@$(python) -m ruff format --check .
	@$(python) -m mypy

ship-weights: need-RUN setup ## Make a cifar_resnet run the embedded backbone: RUN=runs/cifar_resnet/latest
	@$(python) cli.py ship-weights --run="$(RUN)" $(ARGS)

pretrained: need-DATA setup ## Train the embedded backbone anew, and ship it: DATA=folder with CIFAR-10
	@$(MAKE) --no-print-directory exp NAME=cifar_resnet
	@$(MAKE) --no-print-directory ship-weights RUN=runs/cifar_resnet/latest

lock: setup ## Remake requirements.lock from pyproject.toml [ARGS="--upgrade" for newer versions]
	@.venv/bin/uv pip compile pyproject.toml --quiet --group dev --universal --fork-strategy fewest --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -o requirements.lock $(ARGS)

clean: ## Remove .venv and the caches; runs/ and data/ stay
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# .venv counts as made once it holds a copy of the lock, so one left half-made is remade by the next command. A whole
# one is brought up to date in place when the lock changes. The lock pins uv as well: pip installs that one package.
setup:
	@if cmp -s requirements.lock .venv/installed.lock && $(python) -IS -c '' 2>/dev/null; then exit 0; fi; set -e; \
	for found in python3 python3.13 python3.12 python3.11 ''; do \
	    $$found -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && break; \
	done; \
	if [ -z "$$found" ]; then echo 'No Python 3.11, 3.12 or 3.13 with its venv module found as python3: install one.' >&2; exit 2; fi; \
	echo 'Installing requirements.lock into .venv: a minute or two, and about 6 GB of disk on Linux.' >&2; \
	{ mv .venv/installed.lock .venv/uv.lock && $(python) -IS -c ''; } 2>/dev/null || $$found -m venv --clear .venv; \
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock; \
	$(python) -m pip install -qq --disable-pip-version-check --require-hashes -r .venv/uv.lock; \
	.venv/bin/uv pip sync --quiet --compile-bytecode --python $(python) --require-hashes requirements.lock; \
	cp requirements.lock .venv/installed.lock

need-%:
	@$(if $($*),:,$(error $(ask-$*)))

ask-NAME = Which experiment? Say NAME=, one of: $(experiments)
ask-DATA = Which data? Say DATA=, $(if $(filter evaluate,$(MAKECMDGOALS)),a labelled file or folder,the folder with CIFAR-10)
ask-RUN = Which trained model? Say RUN=, a run folder such as runs/mnist_mlp/latest
ask-RUNS = Which runs? Say RUNS=, run folders or patterns such as RUNS="runs/mnist_mlp/*", or NAMES=, experiments
ask-SWEEP = Which settings? Say SWEEP=, one of: $(wildcard experiments/_sweeps/*.yaml), or a W&B sweep YAML of your own
ask-INPUT = Classify what? Say INPUT=, a file or a folder, or TEXT="..."

.PHONY: help list runs report dashboard compare options exp cross-validate predict evaluate export serve image load compress verify-resume verify-manifests verify-compare sweep tune test test-slow bench measure report-picture check ship-weights pretrained lock clean setup
