import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../../src/push/registry/http/proxy.ts';

const PROXY = 'http://proxy.lan:3128';

describe('proxyFor', () => {
  it.each([
    ['https://reg.io/', { HTTPS_PROXY: PROXY }, PROXY],
    ['https://reg.io/', { https_proxy: PROXY }, PROXY],
    ['https://reg.io/', { HTTP_PROXY: PROXY }, null],
    ['http://reg.io/', { HTTP_PROXY: PROXY }, PROXY],
    ['https://reg.io/', { HTTPS_PROXY: 'proxy.lan:3128' }, PROXY],
    ['https://reg.io/', { HTTPS_PROXY: '' }, null],
    ['http://127.0.0.1:5000/', { HTTP_PROXY: PROXY }, null],
    ['http://localhost:5000/', { HTTP_PROXY: PROXY }, null],
    ['http://[::1]:5000/', { HTTP_PROXY: PROXY }, null],
  ])('%s with %j', (url, env, expected) => expect(proxyFor(new URL(url), env)).toBe(expected));

  it.each([
    ['reg.io', 'https://reg.io/', true],
    ['reg.io', 'https://sub.reg.io/', true],
    ['reg.io', 'https://notreg.io/', false],
    ['.reg.io', 'https://sub.reg.io/', true],
    ['.reg.io', 'https://reg.io/', false],
    ['*.reg.io', 'https://sub.reg.io/', true],
    ['REG.IO', 'https://reg.io/', true],
    ['other.io, reg.io', 'https://reg.io/', true],
    ['reg.io:443', 'https://reg.io/', true],
    ['reg.io:5000', 'https://reg.io/', false],
    ['reg.io:5000', 'https://reg.io:5000/', true],
    ['*', 'https://anything.io/', true],
    ['10.0.0.0/8', 'https://10.9.9.9/', true],
    ['10.0.0.0/8', 'https://11.0.0.1/', false],
    ['10.0.0.1', 'https://10.0.0.1:5000/', true],
    ['fd00::/8', 'https://[fd00::5]/', true],
    ['10.0.0.0/99', 'https://10.9.9.9/', false],
    ['', 'https://reg.io/', false],
  ])('NO_PROXY=%s for %s: direct is %s', (list, url, direct) =>
    expect(proxyFor(new URL(url), { HTTPS_PROXY: PROXY, NO_PROXY: list })).toBe(direct ? null : PROXY),
  );
});
