#!/bin/sh
# Fills DIR with a root file system of Debian's static busybox, to be the context of fixtures/base.
# Usage: scripts/base-image.sh DIR
set -eu
dir=$1
mkdir -p "$dir/bin" "$dir/etc" "$dir/tmp" "$dir/root" "$dir/home" "$dir/var" "$dir/usr/bin"
cp /bin/busybox "$dir/bin/busybox"
chmod 1777 "$dir/tmp"
for name in $(/bin/busybox --list); do
  [ "$name" = busybox ] || ln -sf busybox "$dir/bin/$name"
done
printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n' > "$dir/etc/passwd"
printf 'root:x:0:\ndaemon:x:1:\nusers:x:100:\nnogroup:x:65534:\n' > "$dir/etc/group"
