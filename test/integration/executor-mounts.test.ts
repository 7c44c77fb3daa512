// Mounts of RUN: content, access, what they leave behind (nothing), and sources that try to get out.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mount } from '../../src/graph/op.ts';
import { whyNoSteps } from '../support/busybox-root.ts';
import { openStepBench, type StepBench } from '../support/step-bench.ts';

const bind = (over: Partial<Extract<Mount, { type: 'bind' }>> = {}): Mount => ({
  type: 'bind',
  input: 1,
  source: '/',
  target: '/mnt',
  readonly: true,
  ...over,
});
const cache = (over: Partial<Extract<Mount, { type: 'cache' }>> = {}): Mount => ({
  type: 'cache',
  id: '/c',
  target: '/c',
  sharing: 'shared',
  readonly: false,
  source: '',
  mode: 0o755,
  uid: 0,
  gid: 0,
  ...over,
});
const secret = (over: Partial<Extract<Mount, { type: 'secret' }>> = {}): Mount => ({
  type: 'secret',
  id: 'token',
  target: '/run/secrets/token',
  required: true,
  mode: 0o400,
  uid: 0,
  gid: 0,
  ...over,
});

describe.skipIf(whyNoSteps())('mounts', () => {
  let bench: StepBench;
  let store: StepBench['store'];
  let run: StepBench['run'];

  beforeAll(async () => {
    bench = await openStepBench();
    ({ store, run } = bench);
    store.addSnapshot('low', { 'dir/one': 'one', 'dir/gone': 'x', file: 'low', 'way-out': '->/../../../../etc', 'inner-link': '->/dir' });
    store.addSnapshot('high', { 'dir/two': 'two', file: 'high' });
  });

  afterAll(() => bench?.close());

  const stack = { 1: { type: 'stack', stack: ['low', 'high'] } } as const;
  const upper = (snapshot: string): string => join(store.root, 'snapshots-v1', snapshot, 'fs');
  const layerOf = (snapshot: string): string[] => readdirSync(upper(snapshot), { recursive: true }).map(String).sort();
  const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      (value) => ({ resolved: value }),
      (error: unknown) => (error as { code?: unknown }).code,
    );

  describe('bind', () => {
    test('a stack shows merged and read-only, and leaves no trace', async () => {
      const { stdout, snapshot } = await run(
        { script: 'cat /mnt/file; ls /mnt/dir; echo x > /mnt/new || echo refused', mounts: [bind()] },
        { sources: stack },
      );
      expect(stdout).toBe('highgone\none\ntwo\nrefused\n');
      expect(layerOf(snapshot)).toEqual([]);
    });

    test('rw is a copy that is thrown away', async () => {
      const request = { sources: stack };
      const mounts = [bind({ readonly: false })];
      const first = await run({ script: 'echo new > /mnt/dir/three; rm /mnt/file; cat /mnt/dir/three', mounts }, request);
      expect(first.stdout).toBe('new\n');
      expect(layerOf(first.snapshot)).toEqual([]);
      expect(readdirSync(join(store.root, 'snapshots-v1', first.snapshot))).toEqual(['fs']);
      expect((await run({ script: 'ls /mnt/dir; cat /mnt/file', mounts }, request)).stdout).toBe('gone\none\ntwo\nhigh');
    });

    test.each([
      ['a sub-directory', '/dir', 'ls /mnt', 'gone\none\ntwo\n'],
      ['a file', '/file', 'cat /mnt', 'high'],
      ['a link, inside the source', '/inner-link', 'ls /mnt', 'gone\none\ntwo\n'],
    ])('%s as source', async (_name, source, script, expected) => {
      expect((await run({ script, mounts: [bind({ source })] }, { sources: stack })).stdout).toBe(expected);
    });

    test('a writable file is a copy too', async () => {
      const { stdout } = await run(
        { script: 'echo more >> /mnt; cat /mnt', mounts: [bind({ source: '/file', readonly: false })] },
        { sources: stack },
      );
      expect(stdout).toBe('highmore\n');
      expect(readFileSync(join(store.root, 'snapshots-v1/high/fs/file'), 'utf8')).toBe('high');
    });

    test('a source that leads out shows nothing of the host (CVE-2024-1753)', async () => {
      const outcome = await codeOf(run({ script: 'ls -a /mnt', mounts: [bind({ source: '/way-out' })] }, { sources: stack }));
      expect(outcome).toBe('exec/mount-source');
    });

    test('a missing source is an error', async () => {
      expect(await codeOf(run({ mounts: [bind({ source: '/nothing' })] }, { sources: stack }))).toBe('exec/mount-source');
    });

    test('a host directory, with and without exclusions', async () => {
      const directory = join(store.root, 'context, with:odd\\name');
      mkdirSync(join(directory, 'node_modules/x'), { recursive: true });
      mkdirSync(join(directory, 'src'));
      writeFileSync(join(directory, 'src/a.ts'), 'a');
      writeFileSync(join(directory, 'src/b.log'), 'b');
      writeFileSync(join(directory, 'keep.log'), 'k');
      const listing = async (excludes?: string[]): Promise<string[]> => {
        const sources = { 1: { type: 'directory', path: directory, ...(excludes ? { excludes } : {}) } } as const;
        return (await run({ script: 'cd /mnt && find . | sort', mounts: [bind()] }, { sources })).stdout.trim().split('\n');
      };
      expect(await listing()).toEqual(['.', './keep.log', './node_modules', './node_modules/x', './src', './src/a.ts', './src/b.log']);
      expect(await listing(['node_modules', '**/*.log', '!keep.log'])).toEqual(['.', './keep.log', './src', './src/a.ts']);
    });

    test('a name of a context that would be two directories to an overlay is one (class 6)', async () => {
      const outside = join(store.root, 'outside');
      const directory = `${store.root}/two:${outside}`;
      for (const path of [outside, join(store.root, 'two'), directory]) mkdirSync(path, { recursive: true });
      writeFileSync(join(outside, 'host-file'), 'host');
      for (const name of ['own', 'left-out']) writeFileSync(join(directory, name), name);
      const sources = { 1: { type: 'directory', path: directory, excludes: ['left-out'] } } as const;
      expect((await run({ script: 'ls /mnt', mounts: [bind()] }, { sources })).stdout).toBe('own\n');
    });

    describe('owners of the context', () => {
      const make = (name: string): string => {
        const directory = join(store.root, name);
        mkdirSync(join(directory, 'dir/deep'), { recursive: true });
        writeFileSync(join(directory, 'tool'), 'tool');
        writeFileSync(join(directory, 'dir/deep/file'), 'deep');
        writeFileSync(join(directory, 'left.log'), 'log');
        symlinkSync('tool', join(directory, 'link'));
        for (const path of ['', 'tool', 'dir', 'dir/deep/file', 'left.log', 'link']) lchownSync(join(directory, path), 1000, 1001);
        chmodSync(join(directory, 'tool'), 0o4755);
        chmodSync(join(directory, 'dir'), 0o2770);
        chmodSync(directory, 0o700);
        utimesSync(join(directory, 'tool'), 981158400, 981158400);
        return directory;
      };
      const seen = "cd /mnt; find . -exec stat -c '%n %a %u:%g' {} + | sort; stat -c %Y tool; cat tool dir/deep/file";
      const expected = [
        './dir 2770 0:0',
        './dir/deep 755 0:0',
        './dir/deep/file 644 0:0',
        './link 777 0:0',
        './tool 4755 0:0',
        '981158400',
        'tooldeep',
      ];

      test.each([
        ['read-only', true],
        ['writable', false],
      ])('%s, every file is of 0:0 and keeps mode and time', async (_name, readonly) => {
        const path = make(`owned-${readonly}`);
        const sources = { 1: { type: 'directory', path, excludes: ['*.log'] } } as const;
        const { stdout, snapshot } = await run({ script: seen, mounts: [bind({ readonly })] }, { sources });
        expect(stdout.split('\n')).toEqual(['. 755 0:0', ...expected]);
        expect(readdirSync(join(store.root, 'snapshots-v1', snapshot))).toEqual(['fs']);
        expect(statSync(join(path, 'tool'))).toMatchObject({ uid: 1000, gid: 1001 });
      });

      test('a sub-path, and a file', async () => {
        const sources = { 1: { type: 'directory', path: make('owned-sub') } } as const;
        const script = "stat -c '%n %a %u:%g' /mnt /mnt/deep /mnt/deep/file /file; cat /file";
        const mounts = [bind({ source: '/dir' }), bind({ source: '/link', target: '/file' })];
        expect((await run({ script, mounts }, { sources })).stdout).toBe(
          '/mnt 2770 0:0\n/mnt/deep 755 0:0\n/mnt/deep/file 644 0:0\n/file 4755 0:0\ntool',
        );
      });

      test('a copy in a step belongs to root in the layer', async () => {
        const sources = { 1: { type: 'directory', path: make('owned-copy') } } as const;
        const { snapshot } = await run(
          {
            script: 'mkdir /out; cat /mnt/tool > /out/t; touch -r /mnt/tool /out/t; mv /mnt/dir /out',
            mounts: [bind({ readonly: false })],
          },
          { sources },
        );
        expect(layerOf(snapshot)).toEqual(['out', 'out/dir', 'out/dir/deep', 'out/dir/deep/file', 'out/t']);
        expect(statSync(join(upper(snapshot), 'out/dir/deep/file'))).toMatchObject({ uid: 0, gid: 0 });
      });
    });

    test('mount points inside a read-only tree are shown without being made there', async () => {
      const mounts = [bind(), cache({ id: 'nested', target: '/mnt/dir/cache' }), { type: 'tmpfs', target: '/mnt/other' } as const];
      const { exitCode, stdout } = await run({ script: 'echo x > /mnt/dir/cache/f; ls /mnt /mnt/dir', mounts }, { sources: stack });
      expect({ exitCode, stdout }).toEqual({
        exitCode: 0,
        stdout: '/mnt:\ndir\nfile\ninner-link\nother\nway-out\n\n/mnt/dir:\ncache\ngone\none\ntwo\n',
      });
      expect(existsSync(join(store.root, 'snapshots-v1/high/fs/other'))).toBe(false);
    });

    test.each([
      ['/proc/x', bind({ target: '/proc/x' })],
      ['the root', bind({ target: '/' })],
      ['a directory over a file', bind({ target: '/etc/passwd' })],
      ['a file over a directory', bind({ target: '/etc', source: '/file' })],
    ])('target %s is refused', async (_name, mount) => {
      expect(await codeOf(run({ mounts: [mount] }, { sources: stack }))).toBe('exec/mount-target');
    });
  });

  describe('cache', () => {
    test('content stays between steps, never in the layer', async () => {
      const first = await run({ script: 'echo kept > /c/f; stat -c "%a %u:%g" /c', mounts: [cache()] });
      expect(first.stdout).toBe('755 0:0\n');
      expect(layerOf(first.snapshot)).toEqual([]);
      expect((await run({ script: 'cat /elsewhere/f', mounts: [cache({ target: '/elsewhere' })] })).stdout).toBe('kept\n');
    });

    test('shape makes another cache', async () => {
      const shaped = cache({ mode: 0o700, uid: 5, gid: 6 });
      expect((await run({ script: 'ls /c; stat -c "%a %u:%g" /c', mounts: [shaped] })).stdout).toBe('700 5:6\n');
    });

    test('no-cache empties a shaped cache only', async () => {
      const shaped = cache({ id: 'fresh', mode: 0o700 });
      const plain = cache({ id: 'plain', target: '/d' });
      await run({ script: 'touch /c/old /d/old', mounts: [shaped, plain] });
      expect((await run({ script: 'ls /c /d', mounts: [shaped, plain] }, { noCache: true })).stdout).toBe('/c:\n\n/d:\nold\n');
    });

    test('a seed gives the first content only', async () => {
      const seeded = cache({ id: 'seeded', input: 1, source: '/dir' });
      expect((await run({ script: 'ls /c; rm /c/gone', mounts: [seeded] }, { sources: stack })).stdout).toBe('gone\none\ntwo\n');
      expect((await run({ script: 'ls /c', mounts: [seeded] }, { sources: stack })).stdout).toBe('one\ntwo\n');
      expect((await run({ script: 'ls /c', mounts: [cache({ id: 'seeded' })] })).stdout).toBe('');
    });

    test('a sub-path is made, but a link out of the cache is refused', async () => {
      const id = 'sub';
      expect((await run({ script: 'echo x > /c/f', mounts: [cache({ id, source: 'a/b' })] })).exitCode).toBe(0);
      expect((await run({ script: 'cat /c/a/b/f; ln -s /etc /c/evil; ln -s ../.. /c/up', mounts: [cache({ id })] })).stdout).toBe('x\n');
      expect(await codeOf(run({ mounts: [cache({ id, source: 'evil' })] }))).toBe('exec/mount-source');
      expect(await codeOf(run({ mounts: [cache({ id, source: 'up' })] }))).toBe('exec/mount-source');
      expect(await codeOf(run({ mounts: [cache({ id, source: '../x' })] }))).toBe('exec/mount-source');
    });

    test.each(['../../etc', '/', 'a\nb', 'x'.repeat(5_000), '\u0000'])('an id names no path: %j', async (id) => {
      const { stdout } = await run({ script: 'ls -A /c; touch /c/here', mounts: [cache({ id })] });
      expect(stdout).toBe('');
    });

    const meet = 'touch /c/$1; for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /c/$2 ] && echo met && exit; sleep 0.1; done; echo alone';
    const pair = (sharing: 'shared' | 'private' | 'locked', id: string) =>
      Promise.all(
        [
          ['a', 'b'],
          ['b', 'a'],
        ].map(([own = '', other = '']) =>
          run({ args: ['/bin/sh', '-c', `${meet}; rm -f /c/$1`, 'sh', own, other], mounts: [cache({ id, sharing })] }),
        ),
      ).then((outcomes) => outcomes.map(({ stdout }) => stdout.trim()));

    test('shared users meet', async () => {
      expect(await pair('shared', 'sharing-s')).toContain('met');
    });

    test('private users get a directory each', async () => {
      expect(await pair('private', 'sharing-p')).toEqual(['alone', 'alone']);
    });

    test('locked users take turns in one directory', async () => {
      const mounts = [cache({ id: 'sharing-l', sharing: 'locked' })];
      const script = 'mkdir /c/busy || exit 9; sleep 0.2; rmdir /c/busy; echo x >> /c/log; cat /c/log';
      const outcomes = await Promise.all([1, 2, 3].map(() => run({ script, mounts })));
      expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
      expect(outcomes.map(({ stdout }) => stdout.length).sort()).toEqual([2, 4, 6]);
    });
  });

  describe('tmpfs', () => {
    test('is empty, writable, of the wanted size and dropped', async () => {
      const mounts = [{ type: 'tmpfs', target: '/tmp', size: 1024 * 1024 } as const];
      const { stdout, snapshot } = await run({
        script: 'stat -c %a /tmp; dd if=/dev/zero of=/tmp/f bs=64k count=64 2>/dev/null || echo full',
        mounts,
      });
      expect(stdout).toBe('1777\nfull\n');
      expect(layerOf(snapshot)).toEqual([]);
    });
  });

  describe('secret', () => {
    const CANARY = 'canary-4d1f';
    const secrets = { token: Buffer.from(CANARY) };

    test('is a read-only file with the wanted owner and mode, and nowhere else', async () => {
      const mounts = [secret(), secret({ target: '/etc/deep/key', mode: 0o440, uid: 7, gid: 8 })];
      const script =
        'cat /run/secrets/token; stat -c " %a %u:%g" /run/secrets/token /etc/deep/key; echo x > /run/secrets/token || echo refused; env; cat /proc/self/cmdline';
      const { stdout, snapshot } = await run({ script, mounts }, { secrets });
      expect(stdout).toContain(`${CANARY} 400 0:0\n 440 7:8\nrefused\n`);
      expect(stdout.split(CANARY).length).toBe(2);
      expect(layerOf(snapshot)).toEqual([]);
      expect(filesWith(store.root, CANARY)).toEqual([]);
    });

    test('as a variable only', async () => {
      const { target: _target, ...mount } = secret() as Extract<Mount, { type: 'secret' }>;
      const { stdout } = await run({ script: 'echo $TOKEN; ls /run/secrets', mounts: [{ ...mount, env: 'TOKEN' }] }, { secrets });
      expect(stdout).toBe(`${CANARY}\n`);
    });

    test('a missing one is an error when required, else no mount', async () => {
      expect(await codeOf(run({ mounts: [secret()] }))).toBe('exec/secret-missing');
      expect((await run({ script: 'ls /run', mounts: [secret({ required: false })] })).stdout).toBe('');
      expect(await codeOf(run({ mounts: [secret({ id: 'constructor' })] }))).toBe('exec/secret-missing');
    });
  });

  describe('ssh and inline', () => {
    test('the agent answers through a socket of the wanted owner', async () => {
      const agent = join(store.root, 'agent.sock');
      const server = createServer((socket) => socket.on('error', () => {}).end('agent here\n'));
      await new Promise<void>((resolve) => server.listen(agent, () => resolve()));
      try {
        const mount: Mount = {
          type: 'ssh',
          id: 'default',
          target: '/run/buildkit/ssh_agent.0',
          required: true,
          mode: 0o600,
          uid: 1000,
          gid: 7,
        };
        const request = { sshSockets: { default: agent } };
        const { stdout, exitCode } = await run(
          {
            user: '1000:7',
            script: 'echo $SSH_AUTH_SOCK; stat -c "%F %a %u:%g" $SSH_AUTH_SOCK; nc local:$SSH_AUTH_SOCK < /dev/null',
            mounts: [mount],
          },
          request,
        );
        expect(exitCode === 0 || stdout.includes('socket')).toBe(true);
        expect(stdout).toContain('/run/buildkit/ssh_agent.0\nsocket 600 1000:7\n');
        expect(await codeOf(run({ mounts: [mount] }))).toBe('exec/ssh-missing');
      } finally {
        server.close();
      }
    });

    test('a script with #! runs from /dev/pipes', async () => {
      const mounts: Mount[] = [{ type: 'inline', target: '/dev/pipes/EOF', content: '#!/bin/sh\necho from $0\n' }];
      const { stdout, snapshot } = await run({ args: ['/dev/pipes/EOF'], mounts });
      expect(stdout).toBe('from /dev/pipes/EOF\n');
      expect(layerOf(snapshot)).toEqual([]);
    });
  });

  test('files of the context keep their content and links under odd owners', async () => {
    const directory = join(store.root, 'owned');
    mkdirSync(directory);
    writeFileSync(join(directory, 'f'), 'x');
    chownSync(join(directory, 'f'), 1234, 1234);
    symlinkSync('f', join(directory, 'l'));
    const sources = { 1: { type: 'directory', path: directory } } as const;
    expect((await run({ script: 'cat /mnt/l; readlink /mnt/l', mounts: [bind()] }, { sources })).stdout).toBe('xf\n');
    expect(statSync(join(directory, 'f')).uid).toBe(1234);
  });
});

/** Files below `root` whose content holds `text`. */
function filesWith(root: string, text: string): string[] {
  const { stdout } = spawnSync('grep', ['-rlF', '--', text, root], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean);
}
