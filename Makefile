# Every target sets up what it needs (deploy/bootstrap.py) and then runs one command of it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo demo-reset test check extras smoke explore-protocol fuzz-policy fuzz-media bench-policy bench-live soak-live lock messages
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /: /' | sort

setup: ## set up .venv from the hashed lock
	@$(PYTHON) deploy/bootstrap.py

demo: setup ## run the main job here, with simulated cameras; Ctrl-C ends it
	@$(BIN)/lenspact demo

demo-reset: ## forget the demo's state
	@rm -rf .demo && echo "the demo starts fresh next time"

test: setup ## run every test
	@$(BIN)/python -m pytest

check: setup ## lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/mypy --config-file tests/mypy.ini

extras: setup ## prove that the agent and the verifier run, and pass their tests, with nothing of the gateway
	@$(BIN)/python deploy/check_extras.py

smoke: setup ## drive the main job in Chromium against a fresh demo; prints times and memory
	@$(BIN)/python -m tests.smoke

explore-protocol: setup ## explore the model of the trust protocol far beyond what the tests do
	@$(BIN)/python -m tests.protocol_model

fuzz-policy: setup ## ask the law's engines a million questions (CASES=…); a difference ends it
	@$(BIN)/python -m tests.fuzz.policy --cases $(or $(CASES),1000000)

fuzz-media: setup ## bytes found by coverage for whatever reads RTP, RTCP, STUN, SDP and H.264 (RUNS=… each)
	@$(BIN)/python -m tests.fuzz.media --runs $(or $(RUNS),200000)

bench-policy: setup ## the law against Cedar, pycasbin and Rego; a missed gate ends with a status
	@$(BIN)/python -m tests.bench.policy

bench-live: setup ## the relay against Janus, 200 viewers, revocation, the agent against ffmpeg, pictures in Chromium; Debian's janus, ffmpeg, chromium, ethtool, iproute2, nftables
	@$(BIN)/python -m tests.bench.live

soak-live: setup ## an hour of twenty cameras and a hundred joins and leaves a minute (MINUTES=…); what grows or is left over ends it
	@$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),60)

messages: setup ## maintainers: bring the Spanish catalogue up to date with what pages say
	@$(BIN)/python deploy/messages.py

lock: setup ## maintainers: write requirements.lock anew from pyproject.toml
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras --group dev \
	  --quiet pyproject.toml -o requirements.lock
