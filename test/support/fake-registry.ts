// A server that answers exactly what a test says, to play hostile or broken registries and token services.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface SeenRequest {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Sends that many bytes of the body, then resets the connection. */
  readonly cutAfter?: number;
  /** Takes over; nothing else is sent. */
  readonly raw?: (response: ServerResponse, request: IncomingMessage) => void;
}

export interface FakeRegistry {
  /** `ADDRESS:PORT`. */
  readonly host: string;
  /** In order of arrival. */
  readonly requests: SeenRequest[];
  stop(): Promise<void>;
}

export interface FakeRegistryOptions {
  /** Another loopback address makes another host: 127.0.0.2. */
  readonly address?: string;
  /** Bytes of a request body after which the connection is reset, for the requests it returns a number for. */
  readonly cutRequest?: (request: IncomingMessage) => number | undefined;
  /** What arrived before such a cut. */
  readonly onCut?: (request: IncomingMessage, received: Buffer) => void;
}

/** `answer` gets each request with its whole body; undefined is a 404. */
export async function startFakeRegistry(
  answer: (request: SeenRequest) => Answer | undefined | Promise<Answer | undefined>,
  options: FakeRegistryOptions = {},
): Promise<FakeRegistry> {
  const { address = '127.0.0.1' } = options;
  const requests: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const body = await readRequest(request, options);
    if (body === null) return;
    const seen: SeenRequest = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
    requests.push(seen);
    send(request, response, (await answer(seen)) ?? { status: 404 });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const bound = server.address();
  return {
    host: `${address}:${typeof bound === 'object' ? bound?.port : ''}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function readRequest(request: IncomingMessage, { cutRequest, onCut }: FakeRegistryOptions): Promise<Buffer | null> {
  const limit = cutRequest?.(request);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (limit === undefined || size < limit) continue;
      onCut?.(request, Buffer.concat(chunks).subarray(0, limit));
      request.socket.resetAndDestroy();
      return null;
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks);
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (answer.raw) {
    answer.raw(response, request);
    return;
  }
  const body = Buffer.from(answer.body ?? '');
  response.writeHead(answer.status ?? 200, { 'content-length': String(body.length), ...answer.headers });
  if (answer.cutAfter === undefined) response.end(request.method === 'HEAD' ? undefined : body);
  else response.write(body.subarray(0, answer.cutAfter), () => request.socket.resetAndDestroy());
}

/** Content-Type, length and digest headers of a manifest, as real registries send them. */
export const manifestAnswer = (mediaType: string, bytes: Uint8Array, digest: string): Answer => ({
  headers: { 'content-type': mediaType, 'docker-content-digest': digest },
  body: bytes,
});
