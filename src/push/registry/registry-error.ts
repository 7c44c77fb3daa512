// Turns what a registry or the network did into a TsbuildError: a code, a message naming the thing, a
// hint. Remote text is bounded and stripped of control characters; secrets in URLs never get here.
import type { ErrorCode } from '../../core/codes.ts';
import { errnoOf, InvariantError, messageOf, TsbuildError } from '../../core/errors.ts';
import { readAtMost } from './http/response-body.ts';
import type { HttpResponse } from './http/transport.ts';

export interface FailedRequest {
  readonly method: string;
  readonly url: URL;
  /** Host as the user knows it, for hints. */
  readonly host: string;
}

const MAX_ERROR_BODY = 64 * 1024;
const MAX_SHOWN = 500;

/** Query and user info may hold tokens or signatures. */
export const redactUrl = (url: URL): string => `${url.protocol}//${url.host}${url.pathname}${url.search === '' ? '' : '?…'}`;

/** Printable single-line text of at most `limit` characters. */
export function cleanText(text: string, limit = MAX_SHOWN): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim();
  return clean.length > limit ? `${clean.slice(0, limit)}…` : clean;
}

/** Reads the (bounded) error body and closes it. */
export async function errorFromResponse(request: FailedRequest, response: HttpResponse): Promise<TsbuildError> {
  const { code: serverCode, message } = await readServerError(response);
  const { status } = response;
  const code = codeOfStatus(status, serverCode);
  const hint = hintFor(code, request.host);
  const said = [serverCode, message].filter((part) => part !== '').join(': ');
  return new TsbuildError({
    code,
    message: `${request.method} ${redactUrl(request.url)}: status ${status}${said === '' ? '' : ` (${said})`}`,
    ...(hint !== undefined && { hint }),
    data: {
      status,
      method: request.method,
      url: redactUrl(request.url),
      ...(serverCode && { serverCode }),
      ...(message && { serverMessage: message }),
      ...(response.headers['retry-after'] !== undefined && { retryAfter: response.headers['retry-after'] }),
    },
  });
}

function codeOfStatus(status: number, serverCode: string): ErrorCode {
  if (status === 401) return 'registry/unauthorized';
  if (status === 403) return 'registry/denied';
  if (status === 404) return serverCode === 'DENIED' ? 'registry/denied' : 'registry/not-found';
  if (status === 429) return 'registry/too-many-requests';
  if (status >= 500) return 'registry/server-error';
  return status >= 400 ? 'registry/refused' : 'registry/protocol';
}

function hintFor(code: ErrorCode, host: string): string | undefined {
  switch (code) {
    case 'registry/unauthorized':
      return `Log in with \`tsbuild login ${host}\`, or check the name: a repository that does not exist answers like this too.`;
    case 'registry/denied':
      return `The account in use may lack the right to do this. Log in as another with \`tsbuild login ${host}\`.`;
    case 'registry/too-many-requests':
      return `Log in with \`tsbuild login ${host}\` for a higher limit, or set a mirror in registries.conf.`;
    default:
      return undefined;
  }
}

/** First entry of the specification's `{errors: [{code, message}]}`, or the start of a plain text body. */
async function readServerError({ body, headers }: HttpResponse): Promise<{ code: string; message: string }> {
  let text = '';
  try {
    text = (await readAtMost(body, MAX_ERROR_BODY)).bytes.toString('utf8');
  } catch {
    return { code: '', message: '' };
  }
  try {
    const parsed: unknown = JSON.parse(text);
    const errors = field(parsed, 'errors');
    const first = Array.isArray(errors) ? errors[0] : undefined;
    const pick = (name: string): string => cleanText(String(field(first, name) ?? ''));
    return {
      code: pick('code'),
      message: pick('message') || cleanText(String(field(parsed, 'message') ?? field(parsed, 'details') ?? '')),
    };
  } catch {
    // HTML pages of proxies say nothing to a user in one line.
    const isPlain = !String(headers['content-type'] ?? '').includes('html');
    return { code: '', message: isPlain ? cleanText(text, 200) : '' };
  }
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;

/** TLS failures by the codes of OpenSSL and Node. */
const isTlsCode = (code: string): boolean =>
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|UNABLE_TO_|SELF_SIGNED_|INVALID_CA|HOSTNAME_MISMATCH|EPROTO$|ERR_OSSL_)/.test(code);

/** No connection, an answer that is not HTTP, or no TLS: perhaps the other scheme (on its own port) is spoken. A certificate that is not trusted is no such thing. */
export const isSchemeFailure = (error: unknown): boolean => {
  const code = errnoOf(error) ?? '';
  return code.startsWith('HPE_') || code.startsWith('ERR_SSL_') || ['EPROTO', 'ECONNRESET', 'ECONNREFUSED'].includes(code);
};

/** Errors of tsbuild and aborts pass unchanged; system errors get a code, a message and a hint. */
export function errorFromFailure(request: FailedRequest, error: unknown): unknown {
  if (error instanceof TsbuildError || error instanceof InvariantError) return error;
  if (error instanceof Error && error.name === 'AbortError') return error;
  const errno = errnoOf(error) ?? '';
  const what = `${request.method} ${redactUrl(request.url)}`;
  const detail = cleanText(messageOf(error), 200) || errno;
  const data = { method: request.method, url: redactUrl(request.url), errno };
  if (isTlsCode(errno)) {
    return new TsbuildError({
      code: 'registry/tls',
      message: `${what}: ${detail}`,
      hint: tlsHint(errno, request.host),
      cause: error,
      data,
    });
  }
  if (errno.startsWith('HPE_')) {
    return new TsbuildError({ code: 'registry/protocol', message: `${what}: the answer is not HTTP (${errno})`, cause: error, data });
  }
  return new TsbuildError({
    code: 'registry/unreachable',
    message: `${what}: ${detail}`,
    hint: unreachableHint(errno, request.host),
    cause: error,
    data,
  });
}

const tlsHint = (errno: string, host: string): string =>
  /^(EPROTO|ERR_SSL_)/.test(errno)
    ? `If ${host} speaks plain http, mark it with insecure = true in registries.conf.`
    : `Put the CA certificate of ${host} into /etc/docker/certs.d/${host}/ca.crt, or name it in SSL_CERT_FILE.`;

const unreachableHint = (errno: string, host: string): string =>
  errno === 'ENOTFOUND' || errno === 'EAI_AGAIN'
    ? `The name ${host} does not resolve. Check the spelling, the network and proxy settings.`
    : `Check that ${host} is up and reachable, and the proxy settings.`;
