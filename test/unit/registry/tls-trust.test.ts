import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { registryEnvironment } from '../../../src/push/registry/environment.ts';
import { hasCertificates, loadTlsTrust } from '../../../src/push/registry/http/tls-trust.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsbuild-tls-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const pem = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;
const put = (path: string, text: string): string => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  return join(root, path);
};
const environment = (env: Record<string, string> = {}) => registryEnvironment({ HOME: join(root, 'home'), ...env }, join(root, 'etc'));
const trust = (host: string, env: Record<string, string> = {}) => loadTlsTrust(environment(env), host, false);

describe('loadTlsTrust', () => {
  it('leaves Node its own roots where nothing is set up', () => expect(trust('reg.io')).toEqual({ rejectUnauthorized: true }));

  it("takes the system's roots, or SSL_CERT_FILE and SSL_CERT_DIR instead", () => {
    put('etc/ssl/certs/ca-certificates.crt', pem('system'));
    expect(trust('reg.io').ca).toEqual([pem('system')]);
    const env = { SSL_CERT_FILE: put('own.pem', pem('file')), SSL_CERT_DIR: `${root}/dir:${root}/absent` };
    put('dir/one.pem', pem('one'));
    put('dir/abcd.0', pem('one'));
    put('dir/README', 'no certificate');
    expect(trust('reg.io', env).ca).toEqual([pem('file'), pem('one')]);
  });

  it.each(['etc/docker', 'etc/containers', 'home/.config/containers', 'home/.config/docker'])(
    'adds CAs of %s/certs.d, for that host only',
    (base) => {
      put('etc/ssl/certs/ca-certificates.crt', pem('system'));
      put(`${base}/certs.d/reg.io:5000/ca.crt`, pem('private'));
      expect(trust('reg.io:5000').ca).toEqual([pem('system'), pem('private')]);
      expect(trust('reg.io').ca).toEqual([pem('system')]);
      expect(hasCertificates(environment(), 'reg.io:5000')).toBe(true);
      expect(hasCertificates(environment(), 'reg.io')).toBe(false);
    },
  );

  it('presents a client certificate with its key', () => {
    put('etc/docker/certs.d/reg.io/client.cert', 'CERT');
    put('etc/docker/certs.d/reg.io/client.key', 'KEY');
    expect(trust('reg.io')).toMatchObject({ cert: 'CERT', key: 'KEY' });
  });

  it('names a certificate without key, and an SSL_CERT_FILE that is not there', () => {
    put('etc/docker/certs.d/reg.io/client.cert', 'CERT');
    const bad = expect.objectContaining({ code: 'registry/bad-config' });
    expect(() => trust('reg.io')).toThrowError(bad);
    expect(() => trust('other.io', { SSL_CERT_FILE: join(root, 'absent.pem') })).toThrowError(bad);
  });

  it('skips verification only for insecure registries', () =>
    expect(loadTlsTrust(environment(), 'reg.io', true).rejectUnauthorized).toBe(false));
});
