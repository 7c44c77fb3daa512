#!/bin/sh
# Run by npm after `npm ci`: makes dist/, so that bin/tsbuild starts fast from the first use on.
cd "$(dirname "$0")/.."
[ -x node_modules/node/bin/node ] && [ -x node_modules/.bin/esbuild ] || exit 0
exec node_modules/node/bin/node scripts/bundle.ts
