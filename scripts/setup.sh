#!/bin/sh
# Installs what tsbuild and its tests need and this machine lacks: npm packages (with a Node 24),
# and Debian's container tools. Safe to run again; says what it does; needs root only for apt.
# Usage: scripts/setup.sh [test]   with 'test' also what only the tests need.
set -eu
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }

if [ ! -x node_modules/node/bin/node ] || [ ! -x node_modules/.bin/esbuild ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  say "npm ci"
  npm ci --no-audit --no-fund --loglevel=error
fi

missing=""
want() { # want COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || [ -x "/sbin/$1" ] || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
want crun crun
want newuidmap uidmap
want pasta passt
want docker-registry docker-registry
[ -x /bin/busybox ] || missing="$missing busybox-static"
if [ "${1:-}" = test ]; then
  want runc runc
  want git git
  want sshd openssh-server
  want ssh-agent openssh-client
  want openssl openssl
  want xz xz-utils
  want bzip2 bzip2
  want zstd zstd
  want curl curl
  want mmdebstrap mmdebstrap
  want qemu-aarch64-static qemu-user-static
  want slirp4netns slirp4netns
  want fuse-overlayfs fuse-overlayfs
fi
if [ -n "$missing" ]; then
  if [ "$(id -u)" -ne 0 ]; then
    say "missing:$missing; run as root: apt-get install -y --no-install-recommends$missing"
    exit 1
  fi
  say "apt-get install$missing"
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
fi

node_modules/node/bin/node scripts/bundle.ts
