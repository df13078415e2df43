# Each target does all the set-up that it needs: Node and npm are enough.
.PHONY: setup demo test check bench clean

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch node_modules/.package-lock.json

setup: node_modules/.package-lock.json

# make demo DEMO_ARGS="--scenario 2 --exit"
demo: setup
	@./isthmus demo $(DEMO_ARGS)

test: setup
	@npm run --silent test

check: setup
	@npm run --silent check

# make bench BENCH_ARGS="link -o json"
bench: setup
	@npm run --silent bench -- $(BENCH_ARGS)

clean:
	rm -rf node_modules dist
