// A TCP relay on loopback that breaks connections after a number of bytes, as bad networks do.
import { connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Connections broken so far. */
  readonly cuts: () => number;
  stop(): Promise<void>;
}

export interface CutRule {
  /** Bytes of that direction that pass before the connection is reset. */
  readonly after: number;
  readonly direction: 'to-server' | 'to-client';
  /** How many connections are broken in all. */
  readonly times: number;
}

export async function startCuttingProxy(target: string, { after, direction, times }: CutRule): Promise<CuttingProxy> {
  const [targetHost = '', targetPort = ''] = target.split(':');
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(targetPort), targetHost);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    let passed = 0;
    const [source, sink] = direction === 'to-server' ? [client, upstream] : [upstream, client];
    sink.pipe(source);
    source.on('data', (chunk: Buffer) => {
      const room = cuts < times ? after - passed : Number.POSITIVE_INFINITY;
      passed += chunk.length;
      if (chunk.length < room) {
        if (!sink.write(chunk)) source.pause();
        return;
      }
      cuts += 1;
      source.pause();
      sink.write(chunk.subarray(0, room), () => {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      });
    });
    sink.on('drain', () => source.resume());
    source.on('end', () => sink.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    host: `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    cuts: () => cuts,
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
