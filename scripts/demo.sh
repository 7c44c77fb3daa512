#!/bin/sh
# `npm run demo`: from nothing to a pushed image. Everything it makes is in a temporary folder that
# is removed at the end, but for what setup installs.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh

work=$(mktemp -d)
registry=""
cleanup() {
  [ -z "$registry" ] || kill "$registry" 2>/dev/null || true
  rm -rf "$work" 2>/dev/null || bin/tsbuild --root "$TSBUILD_ROOT" prune --all >/dev/null 2>&1 || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM
export TSBUILD_ROOT="$work/store"

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
run() {
  printf '\033[2m$ %s\033[0m\n' "$*"
  "$@"
}

step "a base image from Debian's busybox, built by tsbuild itself"
scripts/base-image.sh "$work/rootfs"
run bin/tsbuild -t demo/busybox -f fixtures/base/Dockerfile "$work/rootfs"

step "fixtures/hello: three stages, COPY, RUN, a heredoc"
run bin/tsbuild -t demo/hello fixtures/hello

step "run it"
run bin/tsbuild run --rm demo/hello

step "build it again: everything comes from the cache"
started=$(date +%s%N)
run bin/tsbuild -t demo/hello fixtures/hello
echo "took $((($(date +%s%N) - started) / 1000000)) ms"

step "push it to a registry on this machine"
port=$(node_modules/node/bin/node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s/registry}}\nhttp: {addr: 127.0.0.1:%s}\n' "$work" "$port" > "$work/registry.yml"
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
registry=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
  if (: < /dev/null) && node_modules/node/bin/node -e "fetch('http://127.0.0.1:$port/v2/').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"; then break; fi
  sleep 0.2
done
run bin/tsbuild -t "127.0.0.1:$port/demo/hello:1.0" --push fixtures/hello
run bin/tsbuild images

printf '\ndone: the image is in the registry and in %s (removed now)\n' "$TSBUILD_ROOT"
