import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { TsbuildError } from '../../../src/core/errors.ts';
import { cleanText, errorFromFailure, errorFromResponse, redactUrl } from '../../../src/push/registry/registry-error.ts';

const request = { method: 'GET', url: new URL('https://user:secret@reg.io/v2/app/blobs/x?token=hunter2'), host: 'reg.io' };
const response = (status: number, body: string, type = 'application/json') => ({
  status,
  headers: { 'content-type': type },
  body: Readable.from([Buffer.from(body)]),
});

describe('errorFromResponse', () => {
  it.each([
    [401, 'registry/unauthorized'],
    [403, 'registry/denied'],
    [404, 'registry/not-found'],
    [429, 'registry/too-many-requests'],
    [500, 'registry/server-error'],
    [503, 'registry/server-error'],
    [400, 'registry/refused'],
    [413, 'registry/refused'],
    [302, 'registry/protocol'],
  ])('status %d is %s', async (status, code) => expect((await errorFromResponse(request, response(status, ''))).code).toBe(code));

  it('shows what the server said, and nothing secret', async () => {
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'requested access\u001b[31m\nis denied', detail: {} }] });
    const error = await errorFromResponse(request, response(403, body));
    expect(error.message).toBe('GET https://reg.io/v2/app/blobs/x?…: status 403 (DENIED: requested access [31m is denied)');
    expect(JSON.stringify([error.message, error.data, error.hint])).not.toMatch(/hunter2|secret/);
    expect(error.data).toMatchObject({ status: 403, method: 'GET', serverCode: 'DENIED' });
  });

  it('tells how to log in', async () => {
    expect((await errorFromResponse(request, response(401, ''))).hint).toContain('tsbuild login reg.io');
  });

  it.each(['', 'null', '[]', '{"errors":{}}', '{"errors":[null]}', '{"errors":[{"code":{},"message":[1]}]}', '{"errors":"x"}', 'not json'])(
    'survives the body %j',
    async (body) => expect((await errorFromResponse(request, response(500, body))).code).toBe('registry/server-error'),
  );

  it('reads no more than 64 KiB of an endless body', async () => {
    let sent = 0;
    const endless = new Readable({
      read() {
        sent += 16384;
        this.push(Buffer.alloc(16384, 'x'));
      },
    });
    await errorFromResponse(request, { status: 500, headers: {}, body: endless });
    expect(endless.destroyed).toBe(true);
    expect(sent).toBeLessThan(512 * 1024);
  });

  it('does not show HTML', async () => {
    const error = await errorFromResponse(request, response(502, '<html><h1>Bad gateway</h1>', 'text/html'));
    expect(error.message).not.toContain('html');
  });
});

describe('errorFromFailure', () => {
  const failure = (code: string) => errorFromFailure(request, Object.assign(new Error(`boom ${code}`), { code })) as TsbuildError;
  it.each([
    ['ECONNREFUSED', 'registry/unreachable', 'up and reachable'],
    ['ENOTFOUND', 'registry/unreachable', 'does not resolve'],
    ['ECONNRESET', 'registry/unreachable', 'reachable'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'registry/tls', 'certs.d/reg.io/ca.crt'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'registry/tls', 'SSL_CERT_FILE'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'registry/tls', 'ca.crt'],
    ['CERT_HAS_EXPIRED', 'registry/tls', 'ca.crt'],
    ['EPROTO', 'registry/tls', 'insecure = true'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'registry/tls', 'insecure = true'],
  ])('%s is %s', (errno, code, hint) => {
    expect(failure(errno).code).toBe(code);
    expect(failure(errno).hint).toContain(hint);
  });

  it('keeps errors that are already named, and aborts', () => {
    const named = new TsbuildError({ code: 'store/missing-blob', message: 'x' });
    expect(errorFromFailure(request, named)).toBe(named);
    const abort = AbortSignal.abort().reason;
    expect(errorFromFailure(request, abort)).toBe(abort);
  });
});

describe('text from outside', () => {
  it('loses control and direction characters and is bounded', () => {
    expect(cleanText('a\u001b]0;x\u0007b\r\n\u202ec\u2066d')).toBe('a ]0;x b c d');
    expect(cleanText('x'.repeat(9999)).length).toBe(501);
  });
  it('URLs lose user and query', () => expect(redactUrl(request.url)).toBe('https://reg.io/v2/app/blobs/x?…'));
});
