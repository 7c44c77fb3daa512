// A store and a git server of its own for tests of remote sources, used in this process.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOP_LEVEL } from '../../src/build/remote/git/git-remote.ts';
import { GitSources } from '../../src/build/remote/git/git-sources.ts';
import type { SecretSource } from '../../src/build/request/build-request.ts';
import { openSession, type Session } from '../../src/build/session.ts';
import type { GitOp } from '../../src/graph/op.ts';
import { type GitServer, startGitServer } from './git-server.ts';

export interface RemoteBench {
  readonly dir: string;
  readonly session: Session;
  readonly server: GitServer;
  /** Like another process on the same store: nothing is remembered but what is on disk. */
  sources(secrets?: Readonly<Record<string, string>>): GitSources;
  /** Whether any file of the store holds the text. */
  storeHolds(text: string): boolean;
  close(): Promise<void>;
}

export async function openRemoteBench(): Promise<RemoteBench> {
  const dir = mkdtempSync(join(tmpdir(), 'tsbuild-remote-'));
  const root = join(dir, 'store');
  const { signal } = new AbortController();
  const session = openSession({ root, emit: () => undefined, signal, clock: () => 1_700_000_100_000, isolation: 'auto' });
  const server = await startGitServer(dir);
  const names: string[] = [];
  return {
    dir,
    session,
    server,
    sources(secrets = {}) {
      const given: Record<string, SecretSource> = {};
      for (const [id, value] of Object.entries(secrets)) {
        const name = `TSBUILD_TEST_SECRET_${names.length}`;
        names.push(name);
        process.env[name] = value;
        given[id] = { type: 'env', name };
      }
      return new GitSources(session, { secrets: given, ssh: {} }, new Map());
    },
    storeHolds(text) {
      const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      return files.some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(text));
    },
    async close() {
      for (const name of names) delete process.env[name];
      await server.close();
      await session.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export const gitSource = (url: string, more: Partial<GitOp> = {}): GitOp => ({
  type: 'git',
  url,
  keepGitDir: false,
  submodules: true,
  ...more,
});

export const ANYWHERE = TOP_LEVEL;
