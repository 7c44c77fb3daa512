// Removes control groups even when the build is killed. A control group is a directory that
// outlives its processes, so a tiny shell waits outside the executor for the end of its input (our
// end, however it comes) and then removes the groups. Started with the first group.
export interface CgroupKeeper {
  add(paths: readonly string[]): void;
  /** Removes what is left and ends the shell. */
  finish(): Promise<void>;
}

/** Retries for two seconds: a group can be removed only when its last process is reaped. */
const SCRIPT = `
list=
while IFS= read -r path; do list="$list
$path"; done
IFS='
'
tries=0
while [ $tries -lt 40 ]; do
  left=
  for path in $list; do [ -d "$path" ] && { rmdir "$path" 2>/dev/null || left=1; }; done
  [ -z "$left" ] && exit 0
  tries=$((tries + 1))
  sleep 0.05
done`;

export function startCgroupKeeper(): CgroupKeeper {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  child.stdin.on('error', () => {});
  child.unref();
  return {
    add(paths) {
      for (const path of paths) child.stdin.write(`${path}\n`);
    },
    finish() {
      child.ref();
      child.stdin.end();
      return closed;
    },
  };
}
