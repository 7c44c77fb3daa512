#!/bin/sh
# `npm test`: installs what is missing, checks the code, runs every test, and ends with a line
# `N passed, N failed`. Steps also run alone: npm run lint | types | boundaries | unused | vitest.
set -u
cd "$(dirname "$0")/.."
scripts/setup.sh test || exit 1
PATH="$PWD/node_modules/node/bin:$PWD/node_modules/.bin:$PATH"
export PATH

checks_passed=0
checks_failed=0
check() { # check NAME COMMAND…
  name=$1
  shift
  if "$@" >/tmp/tsbuild-check.$$ 2>&1; then
    echo "ok   $name"
    checks_passed=$((checks_passed + 1))
  else
    echo "FAIL $name"
    tail -n 60 /tmp/tsbuild-check.$$
    checks_failed=$((checks_failed + 1))
  fi
  rm -f /tmp/tsbuild-check.$$
}
check format-and-lint biome check .
check types tsc -p .
check boundaries depcruise src --config .dependency-cruiser.mjs
check unused knip

# One seed for all random tests, so that a change is judged by the same inputs each time. New inputs are
# for `npm run fuzz`, `cache-test`, `kill-test`, or TSBUILD_SEED=random here.
TSBUILD_SEED=${TSBUILD_SEED:-20261121}
[ "$TSBUILD_SEED" = random ] && TSBUILD_SEED=$(date +%s)
export TSBUILD_SEED
echo "TSBUILD_SEED=$TSBUILD_SEED"

report=$(mktemp)
vitest run --reporter=default --reporter=json --outputFile.json="$report" "$@"
node scripts/test-summary.ts "$report" "$checks_passed" "$checks_failed"
status=$?
rm -f "$report"
exit $status
