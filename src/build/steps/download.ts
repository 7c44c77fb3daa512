// One download over http or https into the store: redirects followed, size bounded, ETag and
// Last-Modified used to revalidate.
import type { IncomingMessage } from 'node:http';
import type { Digest } from '../../core/digest.ts';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import type { Session } from '../session.ts';

export interface Download {
  /** Last element of the URL's path, or `__unnamed__`. */
  readonly name: string;
  readonly digest: Digest;
  readonly size: number;
  /** Seconds: Last-Modified, or the epoch. */
  readonly mtime: number;
  readonly etag?: string;
  readonly lastModified?: string;
}

const MAX_REDIRECTS = 10;
/** A file larger than this is no download anybody wants in a layer. */
const MAX_BYTES = 16 * 1024 ** 3;
const IDLE_MS = 60_000;

const fail = (url: string, message: string, cause?: unknown): TsbuildError =>
  new TsbuildError({
    code: 'build/download',
    message: `${shown(url)}: ${message}`,
    hint: 'check the URL and the network',
    ...(cause === undefined ? {} : { cause }),
  });

/** Without user, password and query, which may be secret. */
function shown(url: string): string {
  const parsed = new URL(url);
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

/** `known` is a download of the same URL whose bytes are in the store. */
export async function downloadFile(session: Session, url: string, known: Download | null): Promise<Download> {
  const headers: Record<string, string> = { 'user-agent': 'tsbuild', accept: '*/*', 'accept-encoding': 'identity' };
  if (known?.etag !== undefined) headers['if-none-match'] = known.etag;
  if (known?.lastModified !== undefined) headers['if-modified-since'] = known.lastModified;
  let target = url;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const response = await request(session, target, headers);
    const status = response.statusCode ?? 0;
    const location = response.headers.location;
    if (status >= 300 && status < 400 && status !== 304 && location !== undefined) {
      response.destroy();
      target = redirected(target, location);
      continue;
    }
    if (status === 304 && known !== null) {
      response.destroy();
      return known;
    }
    if (status < 200 || status >= 300) {
      response.destroy();
      throw fail(url, `invalid response status ${status}`);
    }
    return store(session, url, response);
  }
  throw fail(url, `more than ${MAX_REDIRECTS} redirects`);
}

function redirected(from: string, location: string): string {
  const to = new URL(location, from);
  if (to.protocol !== 'http:' && to.protocol !== 'https:') throw fail(from, `redirect to ${to.protocol} refused`);
  if (new URL(from).protocol === 'https:' && to.protocol === 'http:') throw fail(from, 'redirect from https to http refused');
  return to.href;
}

async function request(session: Session, url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const secure = new URL(url).protocol === 'https:';
  const { request: open, Agent } = secure ? await import('node:https') : await import('node:http');
  // Node 24's agents take proxies from the environment they are given.
  const agent = new Agent({ proxyEnv: process.env } as ConstructorParameters<typeof Agent>[0]);
  return new Promise((resolve, reject) => {
    const call = open(url, { headers, agent, signal: session.signal, timeout: IDLE_MS }, resolve);
    call.on('timeout', () => call.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    call.on('error', (error) =>
      reject(session.signal.aborted ? error : fail(url, `cannot connect (${errnoOf(error) ?? error.message})`, error)),
    );
    call.end();
  });
}

async function store(session: Session, url: string, response: IncomingMessage): Promise<Download> {
  const writer = session.blobs.writer();
  const length = Number(response.headers['content-length'] ?? Number.NaN);
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BYTES) throw fail(url, `larger than ${MAX_BYTES} bytes`);
      await writer.write(chunk);
    }
    if (!Number.isNaN(length) && size !== length) throw fail(url, `ended after ${size} of ${length} bytes`);
    const blob = await writer.commit();
    return { name: nameOf(url), digest: blob.digest, size: blob.size, ...times(response) };
  } catch (error) {
    await writer.abort();
    if (error instanceof TsbuildError || session.signal.aborted) throw error;
    throw fail(url, `the connection broke (${errnoOf(error) ?? 'unknown error'})`, error);
  }
}

function times(response: IncomingMessage): Pick<Download, 'mtime' | 'etag' | 'lastModified'> {
  const { etag } = response.headers;
  const lastModified = response.headers['last-modified'];
  const parsed = lastModified === undefined ? Number.NaN : Date.parse(lastModified);
  return {
    mtime: Number.isNaN(parsed) ? 0 : Math.floor(parsed / 1000),
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
  };
}

function nameOf(url: string): string {
  const last = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '');
  return last === '' || last === '.' || last === '..' || last.includes('/') ? '__unnamed__' : last;
}
