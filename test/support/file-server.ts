// A file server on loopback whose answers a test decides, with all requests kept.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FileAnswer {
  readonly body?: string | Uint8Array;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Writes the answer itself; for answers that break off. */
  readonly respond?: (response: ServerResponse) => void;
}

export interface FileRequest {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface FileServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** Path without query → answer; `If-None-Match` is honoured where the answer has an ETag. */
  readonly files: Map<string, FileAnswer>;
  readonly requests: FileRequest[];
  close(): Promise<void>;
}

export async function startFileServer(files: Readonly<Record<string, FileAnswer>> = {}): Promise<FileServer> {
  const known = new Map(Object.entries(files));
  const requests: FileRequest[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    requests.push({ method: request.method ?? '', path, headers: request.headers });
    const answer = known.get(path.split('?')[0] ?? '');
    if (answer === undefined) response.writeHead(404).end('not here');
    else if (answer.respond !== undefined) answer.respond(response);
    else if (answer.headers?.['etag'] !== undefined && answer.headers['etag'] === request.headers['if-none-match'])
      response.writeHead(304, { ...answer.headers }).end();
    else response.writeHead(answer.status ?? 200, { ...answer.headers }).end(request.method === 'HEAD' ? undefined : answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    files: known,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
