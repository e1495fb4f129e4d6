# Everything that is done with this repository starts here; "make" lists it.
# PYTHON=/path/to/python chooses the controller's Python, UNIXSOCKET_CACHE=DIRECTORY where tools and images are kept.

.DEFAULT_GOAL := help
.PHONY: help setup images demo test lint sanity unit kernel hosts molecule bench docs clean build importer ee installed engine \
  changelog

T := tests/tools

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## Install what is missing: Debian packages, pinned Python tools
	@$(T)/setup >/dev/null

images: ## Build the images of the test hosts, Debian 12 and 13
	@$(T)/images

demo: ## Show it on a host with real daemons: who can connect, before and after
	@$(T)/demo

test: ## Run everything: lint, kernel, hosts, sanity, unit, molecule
	@$(T)/test

lint: ## Check form, types, documentation, changelog; profile "production" of ansible-lint
	@$(T)/lint

sanity: ## Run ansible-test sanity with every Python of this machine
	@$(T)/sanity

unit: ## Run the tests that need neither root nor a host
	@$(T)/pytest unit

kernel: ## Run the tests that ask this machine's kernel, as root
	@$(T)/pytest kernel

hosts: ## Run the tests of generated units under a real systemd, on both Debians
	@$(T)/pytest hosts

molecule: ## Run the scenarios on both Debians; one of them: make molecule S=group
	@$(T)/molecule $(S)

bench: ## Measure it beside ping and beside loops, and write docs/performance.md: half an hour on a quiet machine
	@tests/bench/run

docs: ## Build the documentation as HTML, every warning an error
	@$(T)/docs

clean: ## Remove the test hosts, their images, the tools and the cache
	@$(T)/clean

build: ## Build the tarball that is published into dist/
	@$(T)/build

importer: ## Build it, and let galaxy-importer judge it; a warning is a failure
	@$(T)/importer

ee: ## Let ansible-builder read what an execution environment needs
	@$(T)/ee

installed: ## Work with the installed tarball alone, on a host
	@$(T)/installed

engine: ## Run the unit tests on every Python of this machine, without Ansible
	@$(T)/engine

changelog: ## Put the fragments into the changelog, under the version of galaxy.yml
	@$(T)/changelog
