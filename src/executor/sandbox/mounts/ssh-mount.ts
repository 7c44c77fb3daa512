// --mount=type=ssh: a socket of our own with the wanted owner and mode that forwards to the agent's
// socket on the host, so that the agent itself is never mounted and its permissions do not matter.
import { chmodSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { TsbuildError } from '../../../core/errors.ts';
import type { Mount } from '../../../graph/op.ts';
import type { RunRequest } from '../../executor.ts';
import type { StepScope } from '../step-scope.ts';
import type { MountContent } from './mount-content.ts';
import { giveTo } from './secret-mount.ts';

type SshMount = Extract<Mount, { type: 'ssh' }>;

/** Null for an optional agent that was not given. Error: 'exec/ssh-missing'. */
export async function prepareSsh(scope: StepScope, request: RunRequest, mount: SshMount): Promise<MountContent | null> {
  const agent = Object.hasOwn(request.sshSockets, mount.id) ? request.sshSockets[mount.id] : undefined;
  if (agent === undefined) {
    if (!mount.required) return null;
    throw new TsbuildError({
      code: 'exec/ssh-missing',
      message: `ssh agent ${mount.id}: not found`,
      hint: `Start an agent and pass it with --ssh ${mount.id}.`,
    });
  }
  const path = join(scope.files, `ssh-${scope.nextIndex()}`);
  await listen(scope, path, agent);
  chmodSync(path, mount.mode);
  giveTo(scope, path, mount.uid, mount.gid);
  return { kind: 'file', hostPath: path, options: ['rbind', 'rw', 'nosuid', 'nodev', 'noexec'], growable: false };
}

/** The first ssh mount names the agent unless the image does (M-60). */
export function agentVariable(request: RunRequest, present: ReadonlySet<string>): string[] {
  const first = request.op.mounts.find((mount) => mount.type === 'ssh');
  return first === undefined || present.has('SSH_AUTH_SOCK') ? [] : [`SSH_AUTH_SOCK=${first.target}`];
}

function listen(scope: StepScope, path: string, agent: string): Promise<void> {
  const open = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    open.add(socket);
    return socket.once('close', () => open.delete(socket));
  };
  const server = createServer((client) => {
    const upstream = track(connect(agent));
    track(client);
    client.on('error', () => upstream.destroy()).pipe(upstream);
    upstream.on('error', () => client.destroy()).pipe(client);
  });
  scope.defer(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(path, () => resolve());
  });
}
