// Agents of our own for the keys that a build is given as files (`--ssh ID=KEYFILE`).
import { readFileSync } from 'node:fs';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import { type KeyAgent, startKeyAgent } from './key-agent.ts';
import { KeyProblem, type PrivateKey, parsePrivateKey } from './private-key.ts';

export interface SshAgents {
  /** ssh id → socket. */
  readonly sockets: Readonly<Record<string, string>>;
  close(): void;
}

/** `files`: ssh id → private keys. Throws 'build/ssh-key'. */
export async function openSshAgents(files: Readonly<Record<string, readonly string[]>>): Promise<SshAgents> {
  const keys = Object.entries(files).map(([id, paths]) => [id, paths.map((path) => readKey(id, path))] as const);
  const agents = new Map<string, KeyAgent>();
  const close = (): void => {
    for (const agent of agents.values()) agent.close();
  };
  try {
    for (const [id, own] of keys) agents.set(id, await startKeyAgent(own));
  } catch (error) {
    close();
    throw error;
  }
  return { sockets: Object.fromEntries([...agents].map(([id, { socket }]) => [id, socket])), close };
}

function readKey(id: string, path: string): PrivateKey {
  try {
    return parsePrivateKey(readFileSync(path, 'latin1'), path);
  } catch (error) {
    const why = error instanceof KeyProblem ? error.message : errnoOf(error);
    if (why === undefined) throw error;
    throw new TsbuildError({
      code: 'build/ssh-key',
      message: `ssh ${id}: cannot use ${path}: ${why}`,
      hint: 'give a private key that needs no passphrase, or add it to a running ssh-agent with ssh-add and give the socket',
    });
  }
}
