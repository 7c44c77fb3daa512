// Handlers as files of binfmt_misc, in a directory that looks like it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readHandlers } from '../../../src/executor/sandbox/binfmt.ts';
import { ContainerView } from '../../../src/executor/sandbox/container-view.ts';
import { checkRunnable } from '../../../src/executor/sandbox/emulation.ts';
import type { StepHost } from '../../../src/executor/sandbox/step-host.ts';
import { BASE_OP } from '../../support/step-runner.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsbuild-binfmt-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const FOREIGN = process.arch === 'arm64' ? { machine: 62, name: 'amd64' } : { machine: 183, name: 'arm64' };
const magic = (machine: number): string => `7f454c460201010000000000000000000200${machine.toString(16).padStart(2, '0')}00`;
const text = (state: string, flags: string, machine: number): string =>
  `${state}\ninterpreter /usr/bin/emulator\nflags: ${flags}\noffset 0\nmagic ${magic(machine)}\nmask ffffffffffffff00fffffffffffffffffeffffff\n`;

function machineWith(flags: string | null, state = 'enabled') {
  const misc = mkdtempSync(join(dir, 'misc-'));
  for (const name of ['register', 'status']) writeFileSync(join(misc, name), 'enabled\n');
  writeFileSync(join(misc, 'python3'), 'enabled\ninterpreter /usr/bin/python3\nflags: \noffset 0\nmagic 0d0d\n');
  if (flags !== null) writeFileSync(join(misc, 'qemu-foreign'), text(state, flags, FOREIGN.machine));
  return readHandlers(misc);
}

/** A step whose program is for another machine; the kernel `runs` it or not. */
function check(binfmts: ReturnType<typeof readHandlers>, runs: boolean, files: readonly string[] = []): void {
  const root = mkdtempSync(join(dir, 'root-'));
  writeFileSync(join(root, 'program'), Buffer.concat([Buffer.from(magic(FOREIGN.machine), 'hex'), Buffer.alloc(64)]), { mode: 0o755 });
  for (const file of files) writeFileSync(join(root, file), '', { mode: 0o755 });
  const host = { workplace: { run: join(dir, 'nothing'), binfmts }, canRun: () => runs } as unknown as StepHost;
  checkRunnable(host, new ContainerView(root), { ...BASE_OP, args: ['/program'] });
}

describe('a program of another machine', () => {
  test('runs with a handler that keeps its emulator open', () => {
    const handlers = machineWith('POCF');
    expect(handlers.find(({ name }) => name === 'qemu-foreign')).toEqual({
      name: 'qemu-foreign',
      interpreter: '/usr/bin/emulator',
      fixed: true,
      machine: FOREIGN.machine,
    });
    expect(() => check(handlers, true)).not.toThrow();
  });

  test('with a handler that does not, the error says so and how to mend it', () => {
    expect(() => check(machineWith('OC'), true)).toThrow(
      expect.objectContaining({
        code: 'exec/foreign-platform',
        message: expect.stringMatching(
          new RegExp(`linux/${FOREIGN.name}; the handler qemu-foreign .* /usr/bin/emulator, .*without the flag F`),
        ),
        hint: expect.stringContaining('apt-get install --reinstall qemu-user-static binfmt-support'),
      }),
    );
  });

  test.each([
    ['no handler', null, 'enabled'],
    ['one that is switched off', 'POCF', 'disabled'],
  ])('with %s, the error names the package', (_name, flags, state) => {
    expect(() => check(machineWith(flags, state), false)).toThrow(
      expect.objectContaining({ code: 'exec/foreign-platform', hint: expect.stringContaining('apt-get install qemu-user-static') }),
    );
  });

  test('nothing is known where binfmt_misc is not mounted', () => {
    expect(readHandlers(join(dir, 'absent'))).toEqual([]);
  });
});
