// What steps can reach: the outside world but not this machine's loopback, nothing at all, or everything.
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';

let bench: Workbench;
let server: Server;
let port: number;
let visits = 0;

beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
  server = createServer((socket) => {
    visits += 1;
    socket.on('error', () => undefined).end('reached\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as { port: number }).port;
});
afterAll(() => {
  server?.close();
  bench?.dispose();
});

/** Tries loopback and everything that could lead to it: the gateway, and addresses that helpers map to the host. */
const probe = (): string =>
  `for host in 127.0.0.1 localhost 10.0.2.2 $(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'); do nc -w 1 $host ${port} </dev/null; done; echo links: $(ls /sys/class/net)`;

const links = (stderr: string): string => / links: (.*)\n/.exec(stderr.replace(/^#\d+ \[.*\n/gm, ''))?.[1] ?? '';

describe('build', () => {
  it('default: a network of its own, without the loopback of this machine', async () => {
    const before = visits;
    const built = await bench.ok([bench.context({ Dockerfile: `FROM base\nRUN ${probe()}\n` })]);
    expect(visits).toBe(before);
    expect(
      links(built.stderr)
        .split(' ')
        .filter((name) => name !== 'lo'),
    ).toHaveLength(1);
  });

  it.each([
    ['the flag', ['--network=none'], 'RUN'],
    ['the instruction', [], 'RUN --network=none'],
  ])('none, by %s: only loopback', async (name, flags, run) => {
    const before = visits;
    const built = await bench.ok([...flags, bench.context({ Dockerfile: `FROM base\n${run} : ${name}; ${probe()}\n` })]);
    expect(links(built.stderr)).toBe('lo');
    expect(visits).toBe(before);
  });

  it('host: only when it is allowed', async () => {
    const context = bench.context({ Dockerfile: `FROM base\nRUN --network=host nc -w 1 127.0.0.1 ${port} </dev/null\n` });
    const refused = await bench.run([context]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/error\[.*--allow network\.host/s);
    expect(visits).toBe(0);
    const allowed = await bench.ok(['--allow', 'network.host', context]);
    expect(allowed.stderr).toContain(' reached\n');
  });

  it('--add-host names a host in steps, and leaves no trace in the image', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nRUN cat /etc/hosts\nRUN grep -c . /etc/resolv.conf\n' });
    const built = await bench.ok(['-t', 'hosts', '--add-host', 'db.test:192.0.2.7', context]);
    expect(built.stderr).toMatch(/192\.0\.2\.7\s+db\.test/);
    const archive = await bench.ok(['--output', 'type=tar,dest=-', context, '--add-host', 'db.test:192.0.2.7'], {});
    expect(archive.stdout).not.toContain('db.test');
    expect(archive.stdout).not.toMatch(/^etc\/(hosts|resolv\.conf)\0/m);
  });
});

describe('run', () => {
  it('has the same modes', async () => {
    const script = `nc -w 1 127.0.0.1 ${port} </dev/null; ls /sys/class/net`;
    expect((await bench.ok(['run', '--network', 'none', 'base', 'sh', '-c', script])).stdout).toBe('lo\n');
    expect((await bench.ok(['run', 'base', 'sh', '-c', script])).stdout).not.toContain('reached');
    expect((await bench.ok(['run', '--network', 'host', 'base', 'sh', '-c', script])).stdout).toContain('reached\n');
  });
});
