// Downloads from a server on loopback: what is asked again, what is checked, where credentials go, and
// what servers cannot do.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HttpFiles } from '../../src/build/remote/http/http-files.ts';
import { nameOfDownload, nameOfUrl, parseHttpUrl } from '../../src/build/remote/http/http-name.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import { type FileServer, startFileServer } from '../support/file-server.ts';
import { openRemoteBench, type RemoteBench } from '../support/remote-bench.ts';

let bench: RemoteBench;
let server: FileServer;
let elsewhere: FileServer;
const opened: HttpFiles[] = [];
beforeAll(async () => {
  bench = await openRemoteBench();
  server = await startFileServer();
  elsewhere = await startFileServer({ '/file': { body: 'elsewhere' } });
});
afterEach(() => {
  for (const files of opened.splice(0)) files.close();
  server.requests.length = 0;
  elsewhere.requests.length = 0;
});
afterAll(async () => {
  await Promise.all([server.close(), elsewhere.close()]);
  await bench.close();
});

/** As a new build would. */
function files(secrets: Readonly<Record<string, string>> = {}): HttpFiles {
  const given = Object.fromEntries(Object.entries(secrets).map(([id, value]) => [id, { type: 'env' as const, name: put(value) }]));
  const made = new HttpFiles(bench.session, given);
  opened.push(made);
  return made;
}

let secretsMade = 0;
function put(value: string): string {
  secretsMade += 1;
  process.env[`TSBUILD_TEST_HTTP_${secretsMade}`] = value;
  return `TSBUILD_TEST_HTTP_${secretsMade}`;
}

const textOf = async (digest: Parameters<typeof bench.session.blobs.read>[0]): Promise<string> =>
  (await bench.session.blobs.read(digest)).toString('utf8');
const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );
const hash = (algorithm: string, text: string): string => `${algorithm}:${createHash(algorithm).update(text).digest('hex')}`;

describe('names', () => {
  it.each([
    ['http://h/a/b.txt', 'b.txt'],
    ['http://h/a/b.txt?x=/y#z', 'b.txt'],
    ['http://h/dir/', 'dir'],
    ['http://h/a%2Fb', 'b'],
    ['http://h/a%20b', 'a b'],
    ['http://h/', '__unnamed__'],
    ['http://h', '__unnamed__'],
    ['http://h/x/%2E%2E', '__unnamed__'],
    ['http://h/%00', '__unnamed__'],
  ])('%s is %s', (url, name) => expect(nameOfUrl(parseHttpUrl(url))).toBe(name));

  it.each([
    ['attachment; filename="given.txt"', 'given.txt'],
    ['attachment; filename=given.txt', 'given.txt'],
    ['attachment; filename="../../etc/passwd"', 'file'],
    ['attachment; filename=".."', 'file'],
    [undefined, 'file'],
  ])('a context served with %j is %s', (disposition, name) =>
    expect(nameOfDownload(parseHttpUrl('http://h/file'), disposition)).toBe(name),
  );

  it.each(['http://%zz/x', 'http://h/%zz', 'http://[::1', 'ftp://h/x'])('%s is refused', (url) =>
    expect(() => parseHttpUrl(url)).toThrowError(/no URL that can be downloaded/),
  );

  it('does not show passwords of what it refuses', () => {
    expect(() => parseHttpUrl('http://user:canary@h/%zz?token=canary')).toThrowError(/^(?!.*canary)/);
  });
});

describe('revalidation', () => {
  it('asks with the ETag and reads nothing again', async () => {
    server.files.set('/etag', { body: 'one', headers: { etag: '"1"', 'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT' } });
    const first = await files().get(`${server.url}/etag`);
    expect(first).toMatchObject({ known: false, size: 3, mtime: 1_700_000_000 });
    const second = await files().get(`${server.url}/etag`);
    expect(second).toMatchObject({ known: true, digest: first.digest, mtime: 1_700_000_000 });
    expect(server.requests.map((request) => request.headers['if-none-match'])).toEqual([undefined, '"1"']);
  });

  it('sees a new version', async () => {
    server.files.set('/changing', { body: 'one', headers: { etag: '"1"' } });
    await files().get(`${server.url}/changing`);
    server.files.set('/changing', { body: 'two', headers: { etag: '"2"' } });
    expect(await textOf((await files().get(`${server.url}/changing`)).digest)).toBe('two');
  });

  it('stops reading when a server that ignores conditions sends the version it has', async () => {
    let sent = 0;
    server.files.set('/stubborn', {
      respond: (response) => {
        sent += 1;
        response.writeHead(200, { etag: '"same"' });
        if (sent === 1) response.end('small');
        else response.write('never ends');
      },
    });
    const first = await files().get(`${server.url}/stubborn`);
    expect(await files().get(`${server.url}/stubborn`)).toMatchObject({ known: true, digest: first.digest });
  });

  it('trusts times only when they are old enough to tell versions apart', async () => {
    const now = new Date();
    const headers = { 'last-modified': now.toUTCString(), date: now.toUTCString() };
    server.files.set('/fresh', { body: 'a', headers });
    await files().get(`${server.url}/fresh`);
    server.files.set('/fresh', { body: 'b', headers });
    expect(await textOf((await files().get(`${server.url}/fresh`)).digest)).toBe('b');
    expect(server.requests.map((request) => request.headers['if-modified-since'])).toEqual([undefined, undefined]);
    const old = { 'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT' };
    server.files.set('/old', { body: 'a', headers: old });
    await files().get(`${server.url}/old`);
    await files().get(`${server.url}/old`);
    expect(server.requests.at(-1)?.headers['if-modified-since']).toBe(old['last-modified']);
  });

  it('fetches again what the store lost', async () => {
    server.files.set('/lost', { body: 'lost', headers: { etag: '"l"' } });
    const { digest } = await files().get(`${server.url}/lost`);
    bench.session.blobs.remove(digest);
    expect(await files().get(`${server.url}/lost`)).toMatchObject({ digest, known: false });
  });

  it.each([
    { etag: { not: 'text' } },
    { etag: '"1"\r\nx-added: yes' },
    { lastModified: 5 },
    { disposition: ['a'] },
    { mtime: 8.7e12 },
    { size: '3' },
  ])('does not believe a store that remembers %j', async (odd) => {
    server.files.set('/odd', { body: 'one' });
    const { digest } = await files().get(`${server.url}/odd`);
    const fact = { digest, size: 3, mtime: 0, ...odd };
    bench.session.index.setFact(`http ${sha256Hex(`${server.url}/odd`)}`, JSON.stringify(fact), 1e9);
    const again = await files().get(`${server.url}/odd`);
    expect(again).toMatchObject({ digest, size: 3, mtime: 0, known: false });
    expect(again.disposition).toBeUndefined();
    expect(server.requests.at(-1)?.headers).not.toHaveProperty('x-added');
  });

  it('asks once per build', async () => {
    server.files.set('/once', { body: 'x' });
    const build = files();
    await Promise.all([build.get(`${server.url}/once`), build.get(`${server.url}/once`)]);
    expect(server.requests).toHaveLength(1);
  });
});

describe('checksums', () => {
  it.each(['sha256', 'sha384', 'sha512'])('%s', async (algorithm) => {
    server.files.set('/sum', { body: 'content' });
    const right = hash(algorithm, 'content');
    expect(await files().get(`${server.url}/sum`, right)).toMatchObject({ size: 7 });
    const wrong = hash(algorithm, 'other');
    expect(await failure(files().get(`${server.url}/sum`, wrong))).toBe(
      `build/download: ${server.url}/sum: digest mismatch: got ${right}, expected ${wrong}`,
    );
  });

  it('save asking for what is there', async () => {
    server.files.set('/pinned', { body: 'pinned' });
    await files().get(`${server.url}/pinned`, hash('sha256', 'pinned'));
    server.requests.length = 0;
    expect(await files().get(`${server.url}/pinned`, hash('sha256', 'pinned'))).toMatchObject({ known: true });
    expect(server.requests).toEqual([]);
  });
});

describe('credentials', () => {
  const token = 'bearer-canary-123456';

  it.each([
    ['HTTP_AUTH_TOKEN_', `${token}\n`, `Bearer ${token}`],
    ['HTTP_AUTH_HEADER_', `Custom ${token}`, `Custom ${token}`],
  ])('%sHOST', async (prefix, value, expected) => {
    server.files.set(`/${prefix}`, { body: 'private' });
    await files({ [`${prefix}127.0.0.1:${server.port}`]: value }).get(`${server.url}/${prefix}`);
    expect(server.requests.at(-1)?.headers.authorization).toBe(expected);
    expect(bench.storeHolds(token)).toBe(false);
  });

  it('of the URL are sent, not stored and not shown', async () => {
    const url = `${server.url.replace('//', '//user:pw-canary@')}/missing?token=q-canary`;
    const message = await failure(files().get(url));
    expect(message).toBe(`build/download: ${server.url}/missing: invalid response status 404`);
    expect(server.requests.at(-1)?.headers.authorization).toBe(`Basic ${Buffer.from('user:pw-canary').toString('base64')}`);
    server.files.set('/with-user', { body: 'x', headers: { etag: '"u"' } });
    await files().get(`${server.url.replace('//', '//user:pw-canary@')}/with-user?token=q-canary`);
    expect(bench.storeHolds('pw-canary')).toBe(false);
    expect(bench.storeHolds('q-canary')).toBe(false);
  });

  it('stay on their host when it redirects', async () => {
    server.files.set('/away', { status: 302, headers: { location: `${elsewhere.url}/file` } });
    server.files.set('/here', { status: 307, headers: { location: '/target' } });
    server.files.set('/target', { body: 'target' });
    const secrets = { [`HTTP_AUTH_TOKEN_127.0.0.1:${server.port}`]: token };
    expect(await textOf((await files(secrets).get(`${server.url}/away`)).digest)).toBe('elsewhere');
    expect(elsewhere.requests.map((request) => request.headers.authorization)).toEqual([undefined]);
    await files(secrets).get(`${server.url}/here`);
    expect(server.requests.at(-1)).toMatchObject({ path: '/target', headers: { authorization: `Bearer ${token}` } });
  });

  it('that would split the header are refused', async () => {
    const secrets = { [`HTTP_AUTH_TOKEN_127.0.0.1:${server.port}`]: 'a\r\nX-Evil: 1' };
    expect(await failure(files(secrets).get(`${server.url}/x`))).toMatch(/^build\/secret-missing: .*cannot be sent/);
  });
});

describe('servers', () => {
  it('may compress although asked not to', async () => {
    server.files.set('/gzip', { body: gzipSync('plain'), headers: { 'content-encoding': 'gzip' } });
    expect(await textOf((await files().get(`${server.url}/gzip`)).digest)).toBe('plain');
  });

  it.each([
    [
      '/cut',
      'ended after|the connection broke',
      {
        respond: (response: import('node:http').ServerResponse) => {
          response.writeHead(200, { 'content-length': '100' });
          response.write('half');
          setTimeout(() => response.destroy(), 20);
        },
      },
    ],
    [
      '/switches',
      'ECONNRESET',
      {
        respond: (response: import('node:http').ServerResponse) => {
          response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
        },
      },
    ],
    ['/bad-gzip', 'the connection broke', { body: 'no gzip', headers: { 'content-encoding': 'gzip' } }],
    ['/nested', 'content encoding "gzip, gzip" is not understood', { body: 'x', headers: { 'content-encoding': 'gzip, gzip' } }],
    ['/loop', 'more than 10 redirects', { status: 302, headers: { location: '/loop' } }],
    ['/to-file', 'no http URL', { status: 302, headers: { location: 'file:///etc/passwd' } }],
    ['/to-nowhere', 'no http URL', { status: 302, headers: { location: 'http://[' } }],
    ['/error', 'invalid response status 500', { status: 500 }],
    [
      '/huge',
      'larger than',
      {
        headers: { 'content-length': String(2 ** 40) },
        respond: (response: import('node:http').ServerResponse) => {
          response.writeHead(200, { 'content-length': String(2 ** 40) });
          response.write('x');
        },
      },
    ],
  ])('%s fails and leaves nothing', async (path, reason, answer) => {
    server.files.set(path, answer);
    expect(await failure(files().get(`${server.url}${path}`))).toMatch(
      new RegExp(`^build/download: ${server.url}${path}: .*(?:${reason})`),
    );
  });

  it('that are not there are named', async () => {
    expect(await failure(files().get('http://127.0.0.1:1/x'))).toBe(
      'build/download: http://127.0.0.1:1/x: cannot connect to 127.0.0.1:1 (ECONNREFUSED)',
    );
  });
});
