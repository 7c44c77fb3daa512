/**
 * Flags of Node in every process of tsbuild; bin/tsbuild has the same, and V8 takes compiled code and snapshots
 * back only under the flags that these were made with. Why: docs/performance.md, "Memory", "Start-up" and "Ending".
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8', '--no-sparkplug', '--no-maglev-build-code-on-background'];
