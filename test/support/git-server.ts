// A git server on loopback: `git http-backend` run as CGI behind node:http. Repositories live in a
// directory of the test; every request is kept so that tests can see what was sent.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}

export interface GitServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly requests: SeenRequest[];
  /** Answers 401 unless a request carries this Authorization; null lets everybody in. */
  authorization: string | null;
  /** Speaks the protocol of old servers, which give out only what refs point at. */
  old: boolean;
  /** Path prefix → base URL that requests below it are redirected to. */
  readonly redirects: Map<string, string>;
  close(): Promise<void>;
}

export async function startGitServer(root: string): Promise<GitServer> {
  const requests: SeenRequest[] = [];
  const redirects = new Map<string, string>();
  const state = { authorization: null as string | null, old: false };
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    requests.push({ method: request.method ?? '', path, authorization: request.headers.authorization });
    const moved = [...redirects].find(([prefix]) => path.startsWith(prefix));
    if (moved !== undefined) {
      response.writeHead(302, { location: moved[1] + path.slice(moved[0].length) }).end();
    } else if (state.authorization !== null && request.headers.authorization !== state.authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    } else {
      serve(root, state.old, request, response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    redirects,
    get authorization() {
      return state.authorization;
    },
    set authorization(value) {
      state.authorization = value;
    },
    get old() {
      return state.old;
    },
    set old(value) {
      state.old = value;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function serve(root: string, old: boolean, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      HOME: root,
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: old ? '' : String(request.headers['git-protocol'] ?? ''),
    },
  });
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  let started = false;
  child.stdout.on('data', (chunk: Buffer) => {
    if (started) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return;
    started = true;
    const fields = head
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n')
      .map((line) => line.split(/: (.*)/s) as [string, string]);
    const status = fields.find(([name]) => name.toLowerCase() === 'status')?.[1];
    response.writeHead(
      Number.parseInt(status ?? '200', 10),
      Object.fromEntries(fields.filter(([name]) => name.toLowerCase() !== 'status')),
    );
    response.write(head.subarray(end + 4));
  });
  child.on('close', () => response.end());
}

/** Content of a repository: text is a file, `x:` an executable one, `->` a symbolic link. */
export type RepositoryFiles = Readonly<Record<string, string>>;

export interface Repository {
  /** Bare repository below the server's root. */
  readonly path: string;
  /** Adds a commit with these files on `branch` and returns its hash. */
  commit(files: RepositoryFiles, branch?: string): string;
  /** Stages a submodule of `commit` that `.gitmodules` says to fetch from `url`; the next commit takes it in. */
  addSubmodule(path: string, url: string, commit: string): void;
  git(...args: readonly string[]): string;
}

const IDENTITY = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@localhost',
  GIT_COMMITTER_NAME: 'c',
  GIT_COMMITTER_EMAIL: 'c@localhost',
  GIT_AUTHOR_DATE: '1700000000 +0000',
  GIT_COMMITTER_DATE: '1700000000 +0000',
};

/** Makes `name` (ending in `.git`) below `root`, with a working copy beside it. */
export function makeRepository(root: string, name: string, config: Readonly<Record<string, string>> = {}): Repository {
  const path = join(root, name);
  const work = join(root, `${name}.work`);
  const env = {
    PATH: process.env['PATH'],
    HOME: root,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'protocol.file.allow',
    GIT_CONFIG_VALUE_0: 'always',
    ...IDENTITY,
  };
  const run = (cwd: string, args: readonly string[]): string =>
    execFileSync('git', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  mkdirSync(path, { recursive: true });
  run(path, ['init', '-q', '--bare', '-b', 'main']);
  for (const [key, value] of Object.entries(config)) run(path, ['config', key, value]);
  run(root, ['clone', '-q', path, work]);
  return {
    path,
    git: (...args) => run(work, args),
    addSubmodule(at, url, commit) {
      run(work, ['config', '--file', '.gitmodules', `submodule.${at}.path`, at]);
      run(work, ['config', '--file', '.gitmodules', `submodule.${at}.url`, url]);
      mkdirSync(join(work, at), { recursive: true });
      run(work, ['update-index', '--add', '--cacheinfo', `160000,${commit},${at}`]);
    },
    commit(files, branch = 'main') {
      const known = run(work, ['branch', '--list', branch]) !== '';
      run(work, known ? ['checkout', '-q', branch] : ['checkout', '-q', '-B', branch]);
      for (const [file, content] of Object.entries(files)) writeEntry(join(work, file), content);
      run(work, ['add', '-A']);
      run(work, ['commit', '-q', '--allow-empty', '-m', `change ${Object.keys(files).join(' ')}`]);
      run(work, ['push', '-q', 'origin', branch]);
      return run(work, ['rev-parse', 'HEAD']);
    },
  };
}

function writeEntry(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  if (content.startsWith('->')) symlinkSync(content.slice(2), path);
  else if (content.startsWith('x:')) writeFileSync(path, content.slice(2), { mode: 0o755 });
  else writeFileSync(path, content);
}
