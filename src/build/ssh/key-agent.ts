// An ssh agent for the time of a build, for `--ssh ID=KEYFILE`: it lists its keys and signs with them, and
// refuses whatever else an agent may be asked (draft-ietf-sshm-ssh-agent).
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PrivateKey } from './private-key.ts';
import { SshReader, sshString, uint32 } from './wire.ts';

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
/** OpenSSH's limit. */
const LONGEST = 256 * 1024;

export interface KeyAgent {
  readonly socket: string;
  close(): void;
}

/** Listens in a directory that only this user can enter. */
export async function startKeyAgent(keys: readonly PrivateKey[]): Promise<KeyAgent> {
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-agent-'));
  const socket = join(directory, 'agent.sock');
  const open = new Set<Socket>();
  const server = createServer((connection) => {
    open.add(connection);
    connection.on('close', () => open.delete(connection));
    connection.on('error', () => connection.destroy());
    serve(connection, keys);
  });
  const close = (): void => {
    server.close();
    for (const connection of open) connection.destroy();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await listen(server, socket);
  } catch (error) {
    close();
    throw error;
  }
  return { socket, close };
}

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });

function serve(connection: Socket, keys: readonly PrivateKey[]): void {
  let waiting = Buffer.alloc(0);
  connection.on('data', (data) => {
    waiting = Buffer.concat([waiting, data]);
    while (waiting.length >= 4) {
      const length = waiting.readUInt32BE(0);
      if (length > LONGEST) {
        connection.destroy();
        return;
      }
      if (waiting.length < 4 + length) return;
      connection.write(sshString(answer(waiting.subarray(4, 4 + length), keys)));
      waiting = waiting.subarray(4 + length);
    }
  });
}

function answer(message: Buffer, keys: readonly PrivateKey[]): Buffer {
  if (message[0] === REQUEST_IDENTITIES) {
    const list = keys.flatMap(({ blob, comment }) => [sshString(blob), sshString(comment)]);
    return Buffer.concat([Buffer.of(IDENTITIES_ANSWER), uint32(keys.length), ...list]);
  }
  try {
    if (message[0] !== SIGN_REQUEST) return Buffer.of(FAILURE);
    const request = new SshReader(message.subarray(1));
    const [blob, data, flags] = [request.string(), request.string(), request.uint32()];
    const key = keys.find((candidate) => candidate.blob.equals(blob));
    return key === undefined ? Buffer.of(FAILURE) : Buffer.concat([Buffer.of(SIGN_RESPONSE), sshString(key.sign(data, flags))]);
  } catch {
    return Buffer.of(FAILURE);
  }
}
