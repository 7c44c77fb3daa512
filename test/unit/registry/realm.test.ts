import { describe, expect, it } from 'vitest';
import { checkRealm, checkRedirect } from '../../../src/push/registry/auth/realm.ts';

const refused = expect.objectContaining({ code: 'registry/protocol' });

describe('checkRealm', () => {
  it.each([
    ['https://auth.docker.io/token', 'https://registry-1.docker.io/v2/'],
    ['https://reg.example.com/token', 'https://reg.example.com/v2/'],
    ['http://reg.lan:5001/token', 'http://reg.lan:5000/v2/'],
    ['http://127.0.0.1:5001/token', 'http://127.0.0.1:5000/v2/'],
    ['http://localhost:5001/token', 'http://127.0.0.1:5000/v2/'],
    ['https://10.0.0.7/token', 'https://10.0.0.7:5000/v2/'],
  ])('%s from %s', (realm, registry) => expect(checkRealm(realm, new URL(registry)).href).toBe(realm));

  it.each([
    ['http://auth.example.com/token', 'https://reg.example.com/v2/', 'plain http'],
    ['http://169.254.169.254/latest/meta-data/', 'http://reg.example.com/v2/', 'metadata service'],
    ['https://169.254.169.254/', 'https://reg.example.com/v2/', 'metadata service over https'],
    ['https://127.0.0.1/token', 'https://reg.example.com/v2/', 'loopback'],
    ['https://localhost/token', 'https://reg.example.com/v2/', 'localhost'],
    ['https://a.localhost/token', 'https://reg.example.com/v2/', 'localhost subdomain'],
    ['https://[::1]/token', 'https://reg.example.com/v2/', 'IPv6 loopback'],
    ['https://[::ffff:127.0.0.1]/token', 'https://reg.example.com/v2/', 'mapped loopback'],
    ['https://2130706433/token', 'https://reg.example.com/v2/', 'loopback as number'],
    ['https://0x7f.1/token', 'https://reg.example.com/v2/', 'loopback in hexadecimal'],
    ['https://10.1.2.3/token', 'https://reg.example.com/v2/', 'private address'],
    ['https://192.168.0.1/token', 'http://127.0.0.1:5000/v2/', 'private address from loopback'],
    ['https://user:pass@auth.example.com/token', 'https://reg.example.com/v2/', 'user information'],
    ['file:///etc/passwd', 'https://reg.example.com/v2/', 'file'],
    ['/token', 'https://reg.example.com/v2/', 'relative'],
    ['', 'https://reg.example.com/v2/', 'empty'],
  ])('refuses %s from %s (%s)', (realm, registry) => expect(() => checkRealm(realm, new URL(registry))).toThrowError(refused));
});

describe('checkRedirect', () => {
  it.each([
    ['/v2/x/blobs/uploads/1?_state=a', 'https://reg.io/v2/x', 'https://reg.io/v2/x/blobs/uploads/1?_state=a'],
    ['https://storage.example.com/blob?sig=1', 'https://reg.io/v2/x', 'https://storage.example.com/blob?sig=1'],
    ['https://10.0.0.9/blob', 'https://reg.io/v2/x', 'https://10.0.0.9/blob'],
    ['http://127.0.0.1:9000/blob', 'http://127.0.0.1:5000/v2/x', 'http://127.0.0.1:9000/blob'],
    ['http://reg.io/v2/y', 'https://reg.io/v2/x', 'https://reg.io/v2/y'],
    ['http://reg.io/v2/y', 'https://reg.io:5000/v2/x', 'https://reg.io:5000/v2/y'],
    ['https://user:pw@storage.io/b#frag', 'https://reg.io/v2/x', 'https://storage.io/b'],
  ])('%s from %s', (location, from, expected) => expect(checkRedirect(location, new URL(from), new URL(from)).href).toBe(expected));

  it.each<readonly [string | undefined, string, string]>([
    [undefined, 'https://reg.io/v2/x', 'no location'],
    ['', 'https://reg.io/v2/x', 'empty location'],
    ['http://storage.example.com/blob', 'https://reg.io/v2/x', 'downgrade'],
    ['https://127.0.0.1/blob', 'https://reg.io/v2/x', 'this machine'],
    ['http://169.254.169.254/latest', 'http://reg.lan/v2/x', 'metadata service'],
    ['ftp://storage.io/b', 'https://reg.io/v2/x', 'other scheme'],
    ['file:///etc/shadow', 'http://127.0.0.1:5000/v2/x', 'file'],
    ['http://[', 'https://reg.io/v2/x', 'no URL'],
  ])('refuses %s from %s (%s)', (location, from) =>
    expect(() => checkRedirect(location, new URL(from), new URL(from))).toThrowError(refused),
  );
});
