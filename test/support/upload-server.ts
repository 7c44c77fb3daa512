// A registry's upload sessions as the specification has them, with the state in the query as docker-registry
// does, and the ways in which connections and servers fail them.
import { digestOf } from '../../src/core/digest.ts';
import { type FakeRegistry, type SeenRequest, startFakeRegistry } from './fake-registry.ts';

export interface Uploads {
  readonly fake: FakeRegistry;
  /** Blobs by `path digest`; empty where they were mounted. */
  readonly stored: Map<string, Buffer>;
  /** Uploads that nobody has ended, by id. */
  readonly sessions: ReadonlyMap<string, Buffer>;
}

export interface UploadScript {
  /** Resets the connection of the nth request with a body, after so many bytes. */
  readonly cuts?: Record<number, number>;
  /** Forgets broken sessions, as docker-registry 2 does. */
  readonly forgetful?: boolean;
  readonly absolute?: boolean;
  readonly mountable?: readonly string[];
  /** Takes at most so many bytes of a PATCH. */
  readonly takes?: number;
  readonly claims?: string;
  readonly refuse?: { status: number; body: string };
}

export async function startUploadServer(script: UploadScript = {}): Promise<Uploads> {
  const stored = new Map<string, Buffer>();
  const sessions = new Map<string, Buffer>();
  let bodies = 0;
  let host = '';
  const where = (path: string, id: string): Record<string, string> => {
    const received = sessions.get(id)?.length ?? 0;
    const location = `/v2/${path}/blobs/uploads/${id}?_state=${received}`;
    return { location: script.absolute ? `http://${host}${location}` : location, range: `0-${Math.max(0, received - 1)}` };
  };
  const idOf = (url: string): string => /uploads\/([^?]+)/.exec(url)?.[1] ?? '';
  const append = (id: string, more: Buffer): void => void sessions.set(id, Buffer.concat([sessions.get(id) ?? Buffer.alloc(0), more]));

  const answer = (request: SeenRequest) => {
    const [, path = '', rest = ''] = /^\/v2\/(.+?)\/blobs\/(.*)$/.exec(request.url) ?? [];
    const url = new URL(request.url, 'http://x');
    if (request.method === 'HEAD') return { status: stored.has(`${path} ${rest}`) ? 200 : 404 };
    if (request.method === 'DELETE') {
      sessions.delete(idOf(request.url));
      return { status: 204 };
    }
    if (request.method === 'POST') {
      const [digest, from] = [url.searchParams.get('mount'), url.searchParams.get('from')];
      if (digest && from && script.mountable?.includes(from)) {
        stored.set(`${path} ${digest}`, Buffer.alloc(0));
        return { status: 201, headers: { location: `/v2/${path}/blobs/${digest}` } };
      }
      const id = `s${sessions.size}`;
      sessions.set(id, Buffer.alloc(0));
      return { status: 202, headers: where(path, id) };
    }
    const id = idOf(request.url);
    if (!sessions.has(id)) return { status: 404, body: '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}' };
    // docker-registry refuses a state that does not fit what it has.
    if (url.searchParams.get('_state') !== String(sessions.get(id)?.length) && script.forgetful) {
      sessions.delete(id);
      return { status: 416 };
    }
    if (request.method === 'GET') return { status: 204, headers: where(path, id) };
    if (script.refuse) return { status: script.refuse.status, body: script.refuse.body };
    append(id, request.method === 'PATCH' ? request.body.subarray(0, script.takes ?? request.body.length) : request.body);
    if (request.method === 'PATCH') return { status: 202, headers: where(path, id) };
    const whole = sessions.get(id) ?? Buffer.alloc(0);
    const digest = url.searchParams.get('digest') ?? '';
    if (digestOf(whole) !== digest) return { status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}' };
    stored.set(`${path} ${digest}`, whole);
    sessions.delete(id);
    return { status: 201, headers: { 'docker-content-digest': script.claims ?? digest } };
  };
  const fake = await startFakeRegistry(answer, {
    cutRequest: ({ method }) => (method === 'PATCH' || method === 'PUT' ? script.cuts?.[bodies++] : undefined),
    onCut: ({ url }, received) => append(idOf(url ?? ''), received),
  });
  host = fake.host;
  return { fake, stored, sessions };
}
