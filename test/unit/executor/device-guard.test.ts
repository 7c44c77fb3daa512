// The control group that keeps devices from steps of root, where it cannot be used.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { guardDevices } from '../../../src/executor/sandbox/confinement/device-guard.ts';
import type { StepHost } from '../../../src/executor/sandbox/step-host.ts';
import { inUserNamespace } from '../../../src/executor/step-refusals.ts';

test.skipIf(inUserNamespace())('a group that takes no filter is not left behind', () => {
  // No control group, so that the kernel attaches nothing to it.
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-guard-'));
  const host = {
    rootless: false,
    trees: 'overlay',
    runtime: () => ({ kind: 'crun' }),
    workplace: { cgroup2: { directory, hostDirectory: null } },
  };
  try {
    expect(() => guardDevices(host as unknown as StepHost)).toThrow(expect.objectContaining({ code: 'exec/no-device-filter' }));
    expect(readdirSync(directory)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
