// What an entry of --ssh, or of `ssh` in a bake file, names: the socket of an agent, or files of keys.
import { statSync } from 'node:fs';
import type { BuildRequest } from './build-request.ts';
import type { Refuse } from './layer-options.ts';

/** One entry: its paths, absolute; none is the agent of the environment. */
export interface SshEntry {
  readonly id: string;
  readonly paths: readonly string[];
}

/** `agent`: SSH_AUTH_SOCK. */
export function parseSshEntries(
  entries: readonly SshEntry[],
  agent: string | undefined,
  refuse: Refuse,
): Pick<BuildRequest, 'ssh' | 'sshKeys'> {
  const ssh: Record<string, string> = {};
  const sshKeys: Record<string, readonly string[]> = {};
  for (const { id, paths } of entries) {
    if (paths.length === 0 && (agent === undefined || agent === ''))
      throw refuse(`${id}: no agent socket`, 'start ssh-agent (SSH_AUTH_SOCK), or write ID=SOCKET or ID=KEYFILE');
    const named = paths.length === 0 ? [agent ?? ''] : paths;
    const sockets = named.filter((path) => isSocket(id, path, refuse));
    const [socket] = sockets;
    if (socket === undefined) sshKeys[id] = named;
    else if (named.length === 1) ssh[id] = socket;
    else throw refuse(`${id}: ${socket} is the socket of an agent, which stands alone`, 'give one socket, or files of keys');
  }
  return Object.keys(sshKeys).length === 0 ? { ssh } : { ssh, sshKeys };
}

function isSocket(id: string, path: string, refuse: Refuse): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined)
    throw refuse(`${id}: there is no ${path}`, 'give the socket of a running ssh-agent, or the file of a private key');
  return found.isSocket();
}
